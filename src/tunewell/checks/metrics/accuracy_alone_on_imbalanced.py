"""MET002: a good accuracy that hides poor classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
    Table,
)
from tunewell.facts.evaluation import accuracy, class_scores, macro_f1, majority_share
from tunewell.subjects.evaluation import Evaluation

SHOWN = 10


@check(
    "MET002",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("E13", "E14", "D30"),
)
def accuracy_alone_on_imbalanced(
    evaluation: Evaluation,
    *,
    min_accuracy: float = 0.7,
    min_imbalance: float = 3.0,
    max_recall: float = 0.5,
    min_rows: int = 10,
    min_gap: float = 0.1,
) -> Iterator[Finding]:
    """Accuracy looks good only because frequent classes are easy to get right.

    ## What it finds
    An unbalanced evaluation with a good accuracy and classes that are mostly answered wrong.

    ## Why it matters
    Where 95 of 100 rows are of one class, answering always with it is 95 % accurate and of no
    use. A checkpoint chosen by accuracy then ignores the classes that the model was made for.

    ## How it is measured
    All must hold: accuracy of at least `min_accuracy` (below it nobody is deceived); the most
    frequent class has at least `min_imbalance` times the rows of the median class, or of the
    smallest of two; macro-F1 is at least `min_gap` below accuracy; and a class with at least
    `min_rows` rows has a recall whose 95 % interval ends below `max_recall`, so more than half of
    it is surely answered wrong.

    ## Example
    Accuracy 94 %, macro-F1 61 %; recall of the class "fraud" 18 % (9 to 33 %).

    ## Fix
    Judge and choose checkpoints by macro-F1; add rows of the weak classes or weigh them.

    ## When it is wrong
    When the rare classes do not matter to the use of the model.

    ## Sources
    Faults E13, E14 and D30 of the catalogue.
    """
    scores = class_scores(evaluation)
    present = np.flatnonzero(scores.support)
    if len(present) < 2:  # noqa: PLR2004  one class cannot be unbalanced
        message = "the evaluation has fewer than two classes"
        raise NotApplicableError(message)
    sizes = np.sort(scores.support[present])
    typical = sizes[0] if len(sizes) == 2 else float(np.median(sizes))  # noqa: PLR2004  two classes
    right, mean_f1 = accuracy(evaluation), macro_f1(evaluation)
    poor = present[
        (scores.support[present] >= min_rows) & (scores.recall_high[present] < max_recall)
    ]
    if (
        right.value < min_accuracy
        or sizes[-1] < min_imbalance * typical
        or mean_f1.value > right.value - min_gap
        or not len(poor)
        or (scores.predicted > 0).sum() == 1  # MET004 says it better
    ):
        return
    poor = poor[np.argsort(scores.recall[poor], kind="stable")]
    names = [evaluation.label_names[place] for place in poor.tolist()]
    share = majority_share(evaluation)
    yield Finding(
        message=(
            f"accuracy is {100 * right.value:.1f} % and macro-F1 {100 * mean_f1.value:.1f} %: "
            f"{len(names):,} of {len(present):,} classes are mostly answered wrong, worst "
            f"{names[0]!r} with a recall of {100 * scores.recall[poor[0]]:.0f} %; always answering "
            f"with the most frequent class would be {100 * share:.1f} % accurate"
        ),
        where=(Classes(names=tuple(names)),),
        evidence=(
            Number(
                name="macro-F1",
                value=100 * mean_f1.value,
                unit="%",
                low=100 * mean_f1.low,
                high=100 * mean_f1.high,
                bound=f"within {100 * min_gap:g} points of accuracy",
            ),
            Table(
                name="classes mostly answered wrong",
                columns=("class", "rows", "recall in %", "from", "to"),
                rows=tuple(
                    (
                        evaluation.label_names[place],
                        int(scores.support[place]),
                        round(100 * float(scores.recall[place]), 1),
                        round(100 * float(scores.recall_low[place]), 1),
                        round(100 * float(scores.recall_high[place]), 1),
                    )
                    for place in poor[:SHOWN].tolist()
                ),
                total=len(poor),
            ),
        ),
        impact="a checkpoint chosen by accuracy ignores these classes",
        fixes=(
            Fix(
                title="judge by macro-F1 and choose checkpoints by it; add rows of these classes "
                "or weigh them",
                safety=Safety.MANUAL,
            ),
        ),
    )
