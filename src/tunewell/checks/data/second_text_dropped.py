"""DAT119: the second text of a pair is not among the tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Text,
)
from tunewell.facts.text_pairs import pair_in
from tunewell.subjects.batch import Batch, BatchRow

TASKS = frozenset({"sequence", "span"})
BEGINNING = 24
"""Characters that both texts must begin with to count as there: truncation cuts their ends."""

FEWEST_ROWS = 4


@check(
    "DAT119",
    category=Category.SUSPICIOUS,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    covers=("D59",),
)
def second_text_dropped(batch: Batch, *, max_share: float = 0.5) -> Iterator[Finding]:
    """Rows with two texts of which only one reaches the model.

    ## What it finds
    Classification of pairs (premise and hypothesis, question and passage ...) in which the tokens
    of a row are those of one of its texts alone.

    ## Why it matters
    The label depends on both. The model learns what one text alone gives away, and its score is
    little above that of the most frequent class.

    ## How it is measured
    Two columns with the names of well-known pairs (`premise` and `hypothesis`, `sentence1` and
    `sentence2` and others) are looked for among the tokens of sampled rows, decoded, without case
    and spaces. A share of rows with just one of them above `max_share` is found: half, because a
    long first text may leave no room for the second in some rows.

    ## Example
    `tokenizer(row["premise"])` where `tokenizer(row["premise"], row["hypothesis"])` is meant.

    ## Fix
    Pass both texts to the tokenizer.

    ## When it is wrong
    When only one of the two is meant to be read, as in a test of what it gives away.

    ## Sources
    Fault D59 of the catalogue, reproduced with transformers 5.23.
    """
    if batch.task not in TASKS:
        reason = "the model classifies no rows"
        raise NotApplicableError(reason)
    rows = [row for row in batch.train.rows if row.source]
    pair = pair_in(rows[0].source) if rows else None
    if pair is None:
        reason = "the rows keep no two columns with the names of a pair of texts"
        raise NotApplicableError(reason)
    told = [row for row in rows if all(_is_text(row.source.get(name)) for name in pair)]
    there = [tuple(_there(row, str(row.source[name])) for name in pair) for row in told]
    lost = [row for row, found in zip(told, there, strict=True) if sum(found) == 1]
    if len(told) < FEWEST_ROWS or len(lost) <= max_share * len(told):
        return
    kept_first = sum(first for first, second in there if first != second)
    missing = pair[1] if 2 * kept_first >= len(lost) else pair[0]
    example = lost[0]
    yield Finding(
        message=(
            f"column {missing!r} is not among the tokens of {len(lost):,} of {len(told):,} sampled "
            f"rows; only {pair[0] if missing == pair[1] else pair[1]!r} reaches the model"
        ),
        where=tuple(Row(split="train", index=row.index) for row in lost if row.index is not None),
        evidence=(
            Number(
                name="rows with one of two texts",
                value=100 * len(lost) / len(told),
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Text(name=f"tokens of row {example.index}", text="".join(example.pieces)),
            Text(name=f"{missing} of row {example.index}", text=str(example.source[missing])),
        ),
        impact="the label depends on a text that the model never sees",
        fixes=(
            Fix(title=f"tokenizer(row[{pair[0]!r}], row[{pair[1]!r}], ...)", safety=Safety.MANUAL),
        ),
    )


def _is_text(cell: Any) -> bool:  # noqa: ANN401  a cell of any column
    return isinstance(cell, str) and bool(cell.strip())


def _there(row: BatchRow, text: str) -> bool:
    return _folded(text)[:BEGINNING] in _folded("".join(row.pieces))


def _folded(text: str) -> str:
    return "".join(text.lower().replace("##", "").split())
