"""DAT086: padding that is trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity
from tunewell.facts.targets import around, require_task
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import IGNORED, Batch, BatchRow

FEWEST = 2
"""Equal padding tokens at the end of a row that are more than an end token."""


@check(
    "DAT086",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D38",),
)
def padding_trained(batch: Batch, *, max_share: float = 0.0) -> Iterator[Finding]:
    """Padding with labels, so that the model learns to write padding.

    ## What it finds
    Labels other than -100 where the attention mask is 0. Where there is no attention mask, labels
    of the padding tokens at the end of a row, from two on.

    ## Why it matters
    Most of the loss comes from padding, which is easy to predict: the loss looks tiny. The model
    learns to write padding or end tokens, and hardly anything else.

    ## How it is measured
    From the collated batch. Any share of the trained labels above `max_share` (0: padding is never
    to be learned) is reported.

    ## Example
    `tokenizer(text, padding="max_length")` with `labels = input_ids.copy()`.

    ## Fix
    Leave padding to the collator, or set the labels to -100 where `attention_mask` is 0.

    ## When it is wrong
    When the attention mask hides real tokens on purpose, which are still to be predicted.

    ## Sources
    Fault D38 of the catalogue: in its reproduction the reported loss was 0.20, and that of the text
    alone 2.05.
    """
    require_task(batch, "causal")
    pad = batch.vocabulary.pad if batch.vocabulary is not None else None
    rows = [row for row in batch.train.rows if row.labels is not None]
    trained = sum(int(row.trained.sum()) for row in rows)
    if not trained:
        reason = "no token is trained"
        raise NotApplicableError(reason)
    places = [_padding(row, pad) for row in rows]
    count = sum(map(len, places))
    share = count / trained
    if share <= max_share:
        return
    wrong = [(row, at) for row, at in zip(rows, places, strict=True) if len(at)]
    numbers = sorted({row.index for row, _ in wrong if row.index is not None})
    row, at = wrong[0]
    yield Finding(
        message=(
            f"{percent(share)} of the trained tokens are padding, in {len(wrong):,} of "
            f"{len(rows):,} rows looked at"
        ),
        where=tuple(Row(split=batch.train.split, index=number) for number in numbers),
        evidence=(
            Number(
                name="trained tokens that are padding",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            around("where the padding begins", row, int(at[0])),
        ),
        impact="the loss looks tiny, and the model learns to write padding",
        fixes=(
            Fix(
                title="set the labels to -100 where attention_mask is 0, or let the collator pad",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _padding(row: BatchRow, pad: int | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of a row that are padding and have a label."""
    hidden = np.flatnonzero(row.trained & ~row.attended)
    if len(hidden) or not row.attended.all() or pad is None or row.positions is not None:
        return hidden
    other = np.flatnonzero(row.ids != pad)
    first = int(other[-1]) + 1 if len(other) else 0
    tail = np.arange(first, len(row.ids))
    if len(tail) <= FEWEST or (row.labels is not None and (row.labels[tail] == IGNORED).any()):
        return np.zeros(0, dtype=np.int64)
    return tail[1:]  # the first may be the end token that padding shares
