"""How long the rows of a plan are, and how many there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tunewell.api.planning.flags import Flags
from tunewell.facts.recipe import optimizer_steps, steps_per_epoch
from tunewell.plan.for_recipe import assumed_length
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization


@dataclass(frozen=True, slots=True)
class Length:
    """Tokens of the longest row and of a mean one, and who says so. `measured` by a tokenizer."""

    longest: int
    mean: float
    basis: str
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Rows and optimizer steps of a whole run, and of one pass over the rows."""

    rows: int
    steps: int
    epoch: int
    basis: str


def length_of(
    recipe: Recipe, checkpoint: Checkpoint | None, tokenization: Tokenization | None
) -> Length:
    """Rows as training meets them: cut where the recipe cuts, or where the model ends."""
    cuts = [recipe.max_length, checkpoint.max_length if checkpoint is not None else None]
    cut = min((n for n in cuts if n is not None), default=None)
    if recipe.preparation.packing and recipe.max_length is not None:
        return Length(recipe.max_length, float(recipe.max_length), "rows are packed to it")
    if tokenization is not None and len(tokenization.lengths):
        lengths = tokenization.lengths if cut is None else tokenization.lengths.clip(max=cut)
        return Length(
            int(lengths.max()), float(lengths.mean()), "the longest training row", measured=True
        )
    limit = assumed_length(recipe, checkpoint)
    if recipe.max_length is None and cut is not None and cut > limit:
        # The model could take more, which says nothing of the rows.
        return Length(limit, float(limit), "assumed: nothing says where rows are cut; --seq does")
    if cut is not None:
        return Length(cut, float(cut), "where rows are cut")
    return Length(limit, float(limit), "assumed: neither recipe nor data nor model says")


def run_of(recipe: Recipe, known: int | None, flags: Flags, length: Length) -> Run | None:
    """The run by the rows that are known or that a flag names; None where nobody says how many.

    A number of tokens is that of one pass over the data.
    """
    if flags.rows is not None:
        rows, basis = flags.rows, "--rows"
    elif flags.tokens is not None:
        rows, basis = max(1, math.ceil(flags.tokens / length.mean)), "--tokens"
    elif known is not None:
        rows, basis = known, "the training data"
    elif recipe.max_steps > 0:
        rows, basis = recipe.max_steps * recipe.effective_batch_size, "max_steps"
    else:
        return None
    return Run(rows, optimizer_steps(recipe, rows), steps_per_epoch(recipe, rows), basis)
