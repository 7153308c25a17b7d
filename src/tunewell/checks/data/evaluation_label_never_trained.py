"""DAT011: labels that only the evaluation has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    SetLabel,
    Severity,
    Table,
)
from tunewell.facts.labels.classes import LABELLED, label_sets
from tunewell.facts.labels.spellings import renamed
from tunewell.facts.parts import places, require_judged, require_kind
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
    Write the label as the training data does (done where only case, separators or Unicode form
    differ), or add training rows for it.

    ## When it is wrong
    When the evaluation is to hold unknown classes on purpose, as a test of rejection.

    ## Sources
    Fault D25 of the catalogue.
    """
    require_kind(dataset, LABELLED)
    require_judged(dataset)
    trained = set(dataset.label_names)
    where: list[Row] = []
    names: Counter[str] = Counter()
    worst = 0.0
    for split in dataset.splits[1:]:
        strange = [
            (at, unknown)
            for at, labels in enumerate(label_sets(split))
            if (unknown := set(labels) - trained)
        ]
        worst = max(worst, len(strange) / max(1, len(split)))
        where += places(split, [at for at, _ in strange])
        names.update(label for _, unknown in strange for label in unknown)
    if len(names) <= max_labels:
        return
    listed = ", ".join(repr(name) for name in sorted(names)[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    noun = "label" if len(names) == 1 else "labels"
    yield Finding(
        message=(
            f"{len(where):,} rows that judge the model have {len(names):,} {noun} that no "
            f"training row has: {listed}{more}"
        ),
        where=(*where, Classes(names=tuple(sorted(names)))),
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
        fixes=(_respell(dataset, sorted(names)),),
        severity=Severity.ERROR if worst >= error_share else Severity.WARNING,
    )


def _respell(dataset: Dataset, names: Sequence[str]) -> Fix:
    """Write the labels as in training, where each is another spelling of one trained label."""
    title = "write the labels as the training data does"
    meant = renamed(names, dataset.label_names)
    if len(meant) < len(names) or dataset.kind is not Kind.CLASSIFICATION:
        return Fix(title=title, safety=Safety.MANUAL)
    edits = []
    for split in dataset.splits[1:]:
        for old, new in meant.items():
            rows = tuple(at for at, label in enumerate(split.labels) if label == old)
            if rows:
                edits.append(SetLabel(split=split.name, rows=rows, old=old, new=new))
    return Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits))
