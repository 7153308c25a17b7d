"""DAT012: texts that are cut before the model sees their end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, SetKey, Severity
from tunewell.facts.parts import places
from tunewell.facts.recipe import change
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

MULTIPLE = 8
"""Lengths are rounded up to this: tensor cores work in tiles of eight."""


@check("DAT012", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D12", "D52"))
def truncated_rows(
    tokenization: Tokenization,
    recipe: Recipe | None,
    dataset: Dataset | None,
    *,
    max_share: float = 0.01,
) -> Iterator[Finding]:
    """Training texts that are longer than the length that they are cut at.

    ## What it finds
    Training texts with more tokens than `max_length` of the recipe, or than the model has positions
    for.

    ## Why it matters
    The end of these texts never reaches the model. Where the answer lies in the end, it guesses.
    Without a cut, a text beyond the model's positions stops training with an index error.

    ## How it is measured
    By the model's own tokenizer, special tokens included. More than `max_share` of the rows, 1 % as
    in the catalogue, is a warning where a longer cut is possible, and information where the model
    itself is the limit: long documents are often classified by their beginning.

    ## Example
    `max_length = 12` and messages of 15 tokens on average.

    ## Fix
    Set `max_length` to the longest text's length, or to the model's limit.

    ## When it is wrong
    When the label is known to lie in the beginning of the text.

    ## Sources
    Faults D12 and D52 of the catalogue.
    """
    cut = recipe.max_length if recipe is not None else tokenization.max_length
    limit = tokenization.model_limit
    bounds = [bound for bound in (cut, limit) if bound is not None]
    if not bounds or not len(tokenization.lengths):
        return
    bound = min(bounds)
    rows = np.flatnonzero(tokenization.lengths > bound)
    share = len(rows) / len(tokenization.lengths)
    if share <= max_share:
        return
    longest = int(tokenization.lengths.max())
    wanted = -(-longest // MULTIPLE) * MULTIPLE
    new = min(wanted, limit) if limit is not None else wanted
    movable = new > bound
    lost = tokenization.lengths[rows] - bound
    edits: tuple[SetKey, ...] = ()
    if movable and recipe is not None:
        edits = (change(recipe, "max_length", new),)
    where = "max_length" if bound == cut else "the model's last position"
    yield Finding(
        message=(
            f"{len(rows):,} of {len(tokenization.lengths):,} training texts ({100 * share:.1f} %) "
            f"are longer than {bound:,} tokens, where {where} cuts them"
        ),
        where=_places(tokenization, dataset, rows),
        evidence=(
            Number(
                name="texts cut",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Number(
                name="tokens lost of such a text, median",
                value=float(np.median(lost)),
                unit="tokens",
            ),
            Number(name="longest text", value=longest, unit="tokens"),
        ),
        impact="the end of these texts never reaches the model",
        fixes=(
            Fix(
                title=f"set max_length to {new:,}" if movable else "use a model for longer texts",
                safety=Safety.UNSAFE if edits else Safety.MANUAL,
                edits=edits,
            ),
        ),
        severity=Severity.WARNING if movable else Severity.INFO,
    )


def _places(
    tokenization: Tokenization, dataset: Dataset | None, rows: NDArray[np.int64]
) -> tuple[Row, ...]:
    """The rows, with file and line where the data they were counted in is at hand."""
    split = dataset.train if dataset is not None else None
    if split is None or split.name != tokenization.split or len(split) != len(tokenization.lengths):
        return tuple(Row(split=tokenization.split, index=int(row)) for row in rows)
    return places(split, rows)
