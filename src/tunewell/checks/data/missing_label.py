"""DAT003: rows without a label."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, DropRows, Finding, Fix, Number, Row, Safety, Severity
from tunewell.facts.labels.classes import has_labels
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind


@check("DAT003", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D22",))
def missing_label(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Rows whose label is empty, null or NaN.

    ## What it finds
    Rows of any split that has labels whose own label is missing. Where rows have several labels, a
    row with none of them (an empty list or cell, zeros alone) is a row like others.

    ## Why it matters
    Most trainers stop at such a row. Some turn the gap into a class of its own named "nan", or
    into class 0, and the model learns it.

    ## How it is measured
    By counting empty, null and NaN labels. The bound is `max_rows`, 0 by default, because a
    classifier can learn nothing from a row without a label.

    ## Example
    `where is my card?,` under the header `text,category`.

    ## Fix
    Drop the rows, or label them.

    ## When it is wrong
    When an empty label stands for "none of the classes": then write a name for it.

    ## Sources
    Fault D22 of the catalogue.
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    if not has_labels(dataset):
        reason = "the data has no label column"
        raise NotApplicableError(reason)
    if dataset.train.source.layout.separator:
        reason = "an empty cell stands for a row with none of the labels"
        raise NotApplicableError(reason)
    where: list[Row] = []
    edits: list[DropRows] = []
    total = 0
    for split in dataset.splits:
        total += len(split)
        rows = tuple(at for at, label in enumerate(split.labels) if label is None)
        if rows:
            edits.append(DropRows(split=split.name, rows=rows))
            where += places(split, rows)
    if len(where) <= max_rows:
        return
    noun = "row has" if len(where) == 1 else "rows have"
    yield Finding(
        message=f"{len(where):,} of {total:,} {noun} no label",
        where=tuple(where),
        evidence=(
            Number(
                name="rows without a label",
                value=100 * len(where) / total,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
        ),
        impact="the trainer stops at these rows or learns a class that is none",
        fixes=(
            Fix(
                title=f"drop {len(where):,} unlabelled {'row' if len(where) == 1 else 'rows'}",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )
