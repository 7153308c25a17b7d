"""DAT011: labels that only the evaluation has."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotRunError, check
from tunewell.core.finding import (
    Category,
    Classes,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.parts import require_kind
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

NAMES_SHOWN = 5


@check("DAT011", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D25",))
def evaluation_label_never_trained(
    dataset: Dataset, *, max_labels: int = 0, error_share: float = 0.01
) -> Iterator[Finding]:
    """Evaluation or test rows whose label no training row has.

    ## What it finds
    Labels of the evaluation and test splits that are not among the training labels.

    ## Why it matters
    The model has no output for such a label, or never learned it: each of these rows counts as
    wrong whatever the model does. A spelling that differs between files is the usual cause.

    ## How it is measured
    By comparing the label names. More than `max_labels` such labels, 0 by default, is a warning;
    from `error_share` of a split's rows on it is an error, because 1 % is then lost from the best
    score that any model can reach.

    ## Example
    `Card arrival` in test.csv where train.csv has `card_arrival`.

    ## Fix
    Write the label as the training data does, or add training rows for it.

    ## When it is wrong
    When the evaluation is to hold unknown classes on purpose, as a test of rejection.

    ## Sources
    Fault D25 of the catalogue.
    """
    require_kind(dataset, {Kind.CLASSIFICATION})
    if len(dataset.splits) == 1:
        reason = "pass the rows that judge the model: --eval FILE or --test FILE"
        raise NotRunError(reason)
    trained = set(dataset.label_names)
    places: list[Row] = []
    names: dict[str, int] = {}
    worst = 0.0
    for split in dataset.splits[1:]:
        rows = [
            at
            for at, label in enumerate(split.labels)
            if label is not None and label not in trained
        ]
        worst = max(worst, len(rows) / max(1, len(split)))
        for at in rows:
            name = str(split.labels[at])
            names[name] = names.get(name, 0) + 1
            file = str(split.source.path)
            places.append(Row(split=split.name, index=at, file=file, line=split.lines[at]))
    if len(names) <= max_labels:
        return
    listed = ", ".join(repr(name) for name in sorted(names)[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    noun = "label" if len(names) == 1 else "labels"
    yield Finding(
        message=(
            f"{len(places):,} rows that judge the model have {len(names):,} {noun} that no "
            f"training row has: {listed}{more}"
        ),
        where=(*places, Classes(names=tuple(sorted(names)))),
        evidence=(
            Number(
                name="largest share of a split",
                value=100 * worst,
                unit="%",
                bound=f"an error from {100 * error_share:g} % on",
            ),
            Table(
                name="labels that are never trained",
                columns=("label", "rows"),
                rows=tuple(sorted(names.items())),
                total=len(names),
            ),
        ),
        impact="these rows count as wrong whatever the model does",
        fixes=(Fix(title="write the labels as the training data does", safety=Safety.MANUAL),),
        severity=Severity.ERROR if worst >= error_share else Severity.WARNING,
    )
