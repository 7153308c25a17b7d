"""MET004: a model that gives the same answer to everything."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.facts.evaluation import class_scores
from tunewell.subjects.evaluation import Evaluation


@check(
    "MET004",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    covers=("D30", "O01", "O05", "S11"),
)
def constant_predictions(
    evaluation: Evaluation, *, min_rows: int = 20, min_missed: int = 5, max_share: float = 0.98
) -> Iterator[Finding]:
    """The model answers (nearly) every row with the same class.

    ## What it finds
    One class predicted for all rows, or for nearly all while it is the label of far fewer.

    ## Why it matters
    The model has collapsed: it learned at most how frequent the classes are. Its accuracy is that
    class's share of the evaluation, which can look respectable.

    ## How it is measured
    By the share of the most frequent prediction. All rows the same is an error from `min_rows`
    rows on, where at least `min_missed` rows have another label. Above `max_share` of the rows,
    while at most nine tenths of that share have the label, is a warning.

    ## Example
    All 800 rows are answered "complaint"; 412 have another label.

    ## Fix
    Lower the learning rate by ten times and warm up; check that the trained head was loaded and
    that labels reach the model; balance the classes.

    ## When it is wrong
    When the rows were chosen to be of one class and the few other labels are mistakes.

    ## Sources
    Faults D30, O01, O05 and S11 of the catalogue; Mosbach et al. 2021 on collapsed fine-tunes.
    """
    rows = len(evaluation)
    scores = class_scores(evaluation)
    if rows < min_rows:
        message = f"the evaluation has fewer than {min_rows} rows"
        raise NotApplicableError(message)
    most = int(scores.predicted.argmax())
    predicted, labelled = int(scores.predicted[most]), int(scores.support[most])
    constant = predicted == rows
    if rows - labelled < min_missed:
        return
    if not constant and (predicted <= max_share * rows or labelled > 0.9 * predicted):
        return
    name = evaluation.label_names[most]
    amount = f"all {rows:,}" if constant else f"{predicted:,} of {rows:,}"
    yield Finding(
        message=(
            f"{amount} rows are answered {name!r}, which is the label of {labelled:,} "
            f"({100 * labelled / rows:.1f} %)"
        ),
        where=(Classes(names=(name,)),),
        evidence=(
            Number(
                name="share of the most frequent prediction",
                value=100 * predicted / rows,
                unit="%",
                bound=f"{100 * labelled / rows:.1f} % of the labels",
            ),
        ),
        impact="the model tells nothing apart",
        fixes=(
            Fix(
                title="lower the learning rate by ten times and warm up; check that the trained "
                "head was loaded and that labels reach the model",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if constant else Severity.WARNING,
    )
