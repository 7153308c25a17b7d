"""MET025: texts may not be as long as those they are held against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation

LIMIT = "generation.max_length"
START = 1
"""Tokens that a decoder begins with and that count for its limit."""


@check("MET025", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("E09",))
def generation_shorter_than_targets(
    evaluation: RehearsedEvaluation, recipe: Recipe, *, max_share: float = 0.05
) -> Iterator[Finding]:
    """Evaluation lets the model write fewer tokens than the targets have.

    ## What it finds
    A generation limit of the evaluation (`generation_max_length`, the model's own generation
    configuration, or the default of 20) that is below the length of the targets.

    ## Why it matters
    Every longer text is cut. ROUGE, BLEU and exact match are too low, and look like a model that
    has not learned to go on.

    ## How it is measured
    By counting the trained label tokens of at most 4,000 evaluation rows, and one for the token
    that the decoder begins with. A share of rows above `max_share` (0.05) that do not fit is a
    warning: an outlier or two may be meant to be cut. Only for models with an encoder: others count
    the prompt, too.

    ## Example
    Summaries of 60 tokens with `predict_with_generate=True` and nothing said of the length.

    ## Fix
    Raise `generation_max_length` to the longest target.

    ## When it is wrong
    When only the beginning of the texts is to be judged.

    ## Sources
    Fault E09 of the catalogue, reproduced with transformers 5.23: the default is 20 tokens.
    """
    made = evaluation.generated
    if made is None or made.decoder_only or not any(made.targets):
        reason = "the evaluation writes no texts, or its model has no encoder"
        raise NotApplicableError(reason)
    limit = recipe.generation.max_length if LIMIT in recipe.given else made.limit
    limit = made.limit if limit is None else max(limit, made.limit)
    lengths = np.array([length + START for length in made.targets if length])
    over = float((lengths > limit).mean())
    if over <= max_share:
        return
    longest = int(lengths.max())
    yield Finding(
        message=(
            f"evaluation may write {limit:,} tokens, and {100 * over:.3g} % of the targets need "
            f"more, the longest {longest:,}"
        ),
        where=(place(recipe, LIMIT),),
        evidence=(
            Number(
                name="targets that do not fit",
                value=100 * over,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Table(
                name="tokens that targets need",
                columns=("share of rows", "at most"),
                rows=tuple((f"{p} %", int(np.percentile(lengths, p))) for p in (50, 90, 100)),
                total=3,
            ),
        ),
        impact="every longer text is cut, and scores are too low",
        fixes=(
            Fix(
                title=f"let evaluation write {longest:,} tokens",
                safety=Safety.UNSAFE,
                edits=(change(recipe, LIMIT, longest),),
            ),
        ),
        confidence=Confidence.HIGH,
    )
