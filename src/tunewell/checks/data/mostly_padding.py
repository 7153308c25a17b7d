"""DAT120: batches that are mostly padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.subjects.batch import Batch
from tunewell.subjects.first_step import FirstStep
from tunewell.subjects.recipe import Recipe

DRAWN = 200
"""Batches drawn at random: enough for two digits."""


@check(
    "DAT120",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D37",),
)
def mostly_padding(
    batch: Batch,
    step: FirstStep,
    recipe: Recipe,
    *,
    max_factor: float = 3.0,
    min_longest: int = 128,
) -> Iterator[Finding]:
    """Rows of very different length in one batch, so that most of what is computed is padding.

    ## What it finds
    Batches that, each padded to its longest row, hold more than `max_factor` times as many tokens
    as the rows have.

    ## Why it matters
    Padding costs time and memory like any token. The longest row also decides whether a batch fits.

    ## How it is measured
    The token counts of at most 4,000 rows are put into random batches of the real size, 200 times.
    `max_factor` is 3, from the catalogue: ordinary text wastes up to about half of a batch (a
    factor of 2). Rows shorter than `min_longest` tokens at most, 128 by default, cost too little to
    speak of. Packing, padding-free batches and sampling by length are left alone.

    ## Example
    One row of 900 tokens among 31 of 20: 18.9 times as many tokens as the rows have.

    ## Fix
    Set `train_sampling_strategy="group_by_length"`, pack, or cut the longest rows.

    ## When it is wrong
    When speed does not matter, or rows are grouped by length in a sampler of the user's own.

    ## Sources
    Fault D37 of the catalogue, reproduced with transformers 5.23.
    """
    if recipe.preparation.packing or recipe.preparation.padding_free or step.grouped:
        reason = "rows are packed, or grouped by their length"
        raise NotApplicableError(reason)
    size = batch.train.batch_size
    lengths = _tokens(batch, step)
    if lengths is None or size == 1 or len(lengths) < size:
        reason = "the rows are not tokenised, or there is one row a batch"
        raise NotApplicableError(reason)
    factor = _factor(lengths, size)
    if lengths.max() < min_longest or factor <= max_factor:
        return
    yield Finding(
        message=(
            f"batches of {size:,} rows hold {factor:,.1f} times as many tokens as their rows: the "
            f"longest row has {lengths.max():,} tokens, half of the rows at most "
            f"{int(np.median(lengths)):,}"
        ),
        where=(Key(path="train_sampling_strategy"),),
        evidence=(
            Number(
                name="tokens of a batch over tokens of its rows",
                value=factor,
                bound=f"at most {max_factor:g}",
            ),
            Table(
                name="tokens of rows",
                columns=("share of rows", "at most"),
                rows=tuple(
                    (f"{share} %", int(np.percentile(lengths, share)))
                    for share in (50, 90, 99, 100)
                ),
                total=4,
            ),
        ),
        impact=f"{100 * (1 - 1 / factor):.0f} % of each step is spent on padding",
        fixes=(
            Fix(
                title='set train_sampling_strategy="group_by_length", or cut the longest rows',
                safety=Safety.MANUAL,
            ),
        ),
    )


def _tokens(batch: Batch, step: FirstStep) -> NDArray[np.int64] | None:
    """Token counts of rows before the collator, None where rows are not tokenised yet."""
    column = next((c for c in step.columns if c.name == "input_ids"), None)
    if column is None or not len(batch.train.lengths):
        return None
    return batch.train.lengths


def _factor(lengths: NDArray[np.int64], size: int) -> float:
    rng = np.random.default_rng(0)
    drawn = rng.choice(lengths, size=(DRAWN, size), replace=True)
    return float((drawn.max(axis=1) * size).sum() / max(1, drawn.sum()))
