"""MET040: a threshold at which most rows get no label at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Classes,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.stats.intervals import wilson
from tunewell.subjects.label_sets import LabelSets

SHOWN = 10
AHEAD = 1.2
GRID = 99
"""Thresholds that are tried: 0.01, 0.02 ... 0.99."""


@check("MET040", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("E15",))
def nothing_predicted(
    predictions: LabelSets,
    *,
    max_times: float = 2.0,
    min_share: float = 0.2,
    min_rows: int = 20,
    max_threshold: float = 0.4,
) -> Iterator[Finding]:
    """Rows that may have several labels mostly get none: the threshold of 0.5 is too high.

    ## What it finds
    Predictions of several labels a row in which many more rows have no label than have none in
    truth.

    ## Why it matters
    Every label has a loss of its own, and for a rare one a model is rarely more than half sure.
    F1 is near 0 although the scores rank the rows well: a lower threshold costs nothing and gives
    what the model knows.

    ## How it is measured
    The share of rows without a predicted label against the share without a given one: found where
    the lower end of its 95 % interval is above `max_times` the latter (2, the catalogue's bound)
    and `min_share` (0.2), with at least `min_rows` rows that have a label (20). Where the file has
    a score for each label, the threshold from 0.01 to 0.99 with the best micro-F1 is told, and the
    finding needs it to be at most `max_threshold` (0.4), the F1 there to be twice as good, and a
    fifth better than that of predicting every label for every row: otherwise the model does not
    know better, and no threshold helps.

    ## Example
    71 % of the rows get no label and 4 % have none; micro-F1 0.22 at 0.5 and 0.58 at 0.17.

    ## Fix
    Choose the threshold, of each label where there are rows enough, on rows that are not the test
    set; or weigh the positives of rare labels in the loss (`pos_weight`).

    ## When it is wrong
    When a label that is given costs far more than one that is missed.

    ## Sources
    Fault E15 of the catalogue.
    """
    some = predictions.given.any(axis=1)
    if int(some.sum()) < min_rows:
        reason = f"fewer than {min_rows} rows have a label"
        raise NotApplicableError(reason)
    rows = len(predictions)
    nothing = ~predictions.predicted.any(axis=1)
    low, high = wilson(int(nothing.sum()), rows)
    truly = 1 - float(some.mean())
    if float(low) <= max(max_times * truly, min_share):
        return
    f1 = _f1(predictions.given, predictions.predicted)
    best = _best_threshold(predictions)
    all_of_them = _f1(predictions.given, np.ones_like(predictions.given))
    if best is not None and (best[0] > max_threshold or best[1] < max(2 * f1, AHEAD * all_of_them)):
        return
    share = float(nothing.mean())
    better = ""
    if best is not None:
        better = f"; micro-F1 is {f1:.2f}, and {best[1]:.2f} at a threshold of {best[0]:.2f}"
    hits = (predictions.given & predictions.predicted).sum(axis=0)
    support = predictions.given.sum(axis=0)
    missed = np.argsort(-(support - hits), kind="stable")
    missed = missed[(support - hits)[missed] > 0]
    yield Finding(
        message=(
            f"{100 * share:.0f} % of the rows get no label, and {100 * truly:.0f} % have none"
            f"{better}"
        ),
        where=(
            Classes(names=tuple(predictions.label_names[at] for at in missed[:SHOWN].tolist())),
        ),
        evidence=(
            Number(
                name="rows without a predicted label",
                value=100 * share,
                low=100 * float(low),
                high=100 * float(high),
                unit="%",
                bound=f"at most {100 * max(max_times * truly, min_share):.0f} %",
            ),
            Table(
                name="labels that are missed most",
                columns=("label", "rows", "found"),
                rows=tuple(
                    (predictions.label_names[at], int(support[at]), int(hits[at]))
                    for at in missed[:SHOWN].tolist()
                ),
                total=len(missed),
            ),
        ),
        impact="the metric is near 0 for a model that ranks the rows well",
        fixes=(
            Fix(
                title="choose the threshold on rows apart from the test set, or set pos_weight",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _f1(given: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Micro-averaged over all labels."""
    hits = int((given & predicted).sum())
    return 2 * hits / max(int(given.sum()) + int(predicted.sum()), 1)


def _best_threshold(predictions: LabelSets) -> tuple[float, float] | None:
    """The threshold with the best micro-F1 and that F1; None without scores."""
    if predictions.scores is None:
        return None
    tried = [
        (at / (GRID + 1), _f1(predictions.given, predictions.scores >= at / (GRID + 1)))
        for at in range(1, GRID + 1)
    ]
    return max(tried, key=lambda one: one[1])
