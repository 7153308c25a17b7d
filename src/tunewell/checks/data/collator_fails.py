"""DAT110: rows of the training set that the collator cannot make a batch of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Table, Text
from tunewell.facts.first_step import Cause, cause
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.first_step import Column, FirstStep

NAMED = re.compile(r"features \(`(\w+)` in this case\)")
"""How transformers names the column that makes no tensor."""

SHORTEST_FIRST = ("input_ids", "labels")


@check("DAT110", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D61", "D24"))
def collator_fails(batch: Batch, step: FirstStep, *, max_rows: int = 0) -> Iterator[Finding]:
    """Rows that the collator cannot put into one batch, with the column that stands in its way.

    ## What it finds
    Batches that the trainer's own collator refuses: rows of different length that nobody pads,
    labels of different length beside padded inputs, and columns of text that reach the collator.

    ## Why it matters
    Training stops at the first such batch, which may come late in an epoch. The library's message
    names neither the rows nor, in many cases, the column.

    ## How it is measured
    The trainer's collator is run over some dozens of rows (the longest, the shortest and others) at
    the real batch size. More than `max_rows` rows in a batch that fails, 0 by default because
    training has no way around them, is an error. The column is the one that the error names, or the
    one whose lists differ in length.

    ## Example
    Token labels with `DataCollatorWithPadding`: `input_ids` are padded, `labels` are not.

    ## Fix
    Take the collator of the task: `DataCollatorForTokenClassification`, `DataCollatorForSeq2Seq`,
    `DataCollatorWithPadding`. Remove columns of text.

    ## When it is wrong
    When the rows would meet only rows of their own length, as a sampler of the user's own may see
    to.

    ## Sources
    Faults D61 and D24 of the catalogue, reproduced with transformers 5.23.
    """
    if cause(step) not in (Cause.COLLATOR, Cause.NONE):
        return
    broken = [sample for sample in batch.samples if sample.error is not None]
    if not broken or len(broken[0].error_rows) <= max_rows:
        return
    sample = broken[0]
    column = _column(sample, step)
    yield Finding(
        message=(
            f"the collator ({batch.collator}) makes no batch of {len(sample.error_rows):,} of "
            f"{len(sample.error_rows) + _whole(sample):,} sampled rows: {_why(column, sample)}"
        ),
        where=_where(column, sample),
        evidence=(
            Number(
                name="rows in batches that fail",
                value=len(sample.error_rows),
                unit="rows",
                bound=f"at most {max_rows:,}",
            ),
            Text(name="what it raises", text=sample.error or ""),
            Table(
                name="columns that reach the collator",
                columns=("column", "holds", "shortest", "longest"),
                rows=tuple(
                    (
                        c.name,
                        c.kind,
                        c.shortest[0] if c.shortest else None,
                        c.longest[0] if c.longest else None,
                    )
                    for c in step.columns
                    if c.kept
                ),
                total=sum(c.kept for c in step.columns),
            ),
        ),
        impact="training stops at the first such batch",
        fixes=(Fix(title=_remedy(column, step), safety=Safety.MANUAL),),
    )


def _whole(sample: Collated) -> int:
    failed = set(sample.error_rows)
    return len({row.index for row in sample.rows} - failed)


def _column(sample: Collated, step: FirstStep) -> Column | None:
    kept = [column for column in step.columns if column.kept]
    named = NAMED.search(sample.error or "")
    if named is not None:
        return next((column for column in kept if column.name == named[1]), None)
    texts = [column for column in kept if column.kind in {"text", "list of text"}]
    uneven = [column for column in kept if _uneven(column)]
    uneven.sort(key=lambda c: (c.name not in SHORTEST_FIRST, c.name))
    return next(iter([*uneven, *texts]), None)


def _uneven(column: Column) -> bool:
    if column.shortest is None or column.longest is None:
        return False
    return column.shortest[0] != column.longest[0]


def _why(column: Column | None, sample: Collated) -> str:
    if column is None:
        return f"it raises {sample.error}"
    if column.kind in {"text", "list of text"}:
        return f"column {column.name!r} holds text, of which no tensor can be made"
    if column.shortest is None or column.longest is None or not _uneven(column):
        return f"column {column.name!r} makes no tensor"
    return (
        f"column {column.name!r} is not padded; row {column.shortest[1]:,} has "
        f"{column.shortest[0]:,} entries and row {column.longest[1]:,} has {column.longest[0]:,}"
    )


def _where(column: Column | None, sample: Collated) -> tuple[Row, ...]:
    rows = list(sample.error_rows)
    if column is not None and _uneven(column) and column.shortest and column.longest:
        rows = [column.shortest[1], column.longest[1], *rows]
    return tuple(Row(split=sample.split, index=row) for row in dict.fromkeys(rows))


def _remedy(column: Column | None, step: FirstStep) -> str:
    if column is None:
        return "have the collator pad or leave out what differs from row to row"
    if column.kind in {"text", "list of text"}:
        is_label = column.name in {*step.label_names, "label", "labels"}
        return (
            f"turn the names in {column.name!r} into numbers by label2id"
            if is_label
            else f"remove column {column.name!r} before training"
        )
    if column.name not in step.label_names:
        return "take a collator that pads, such as DataCollatorWithPadding"
    collator = {
        "token": "DataCollatorForTokenClassification",
        "seq2seq": "DataCollatorForSeq2Seq",
        "causal": "DataCollatorForSeq2Seq",
    }.get(step.task)
    if collator is None:
        return f"give column {column.name!r} one length, or pad it in the collator"
    return f"take {collator}, which pads labels too"
