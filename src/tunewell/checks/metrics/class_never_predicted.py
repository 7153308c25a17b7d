"""MET005: classes that the model never answers with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.evaluation import class_scores, confusion, require_learned
from tunewell.subjects.evaluation import Evaluation

SHOWN = 20


@check(
    "MET005",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("D30", "D29"),
)
def class_never_predicted(
    evaluation: Evaluation, *, min_rows: int = 5, min_learned: float = 0.2
) -> Iterator[Finding]:
    """Classes that have evaluation rows and are never predicted.

    ## What it finds
    Classes with at least five rows in the evaluation to which no row at all is assigned.

    ## Why it matters
    The model cannot be right on these rows. Most often the class has few or no training rows, or
    its label is written differently in the two splits.

    ## How it is measured
    By counting predictions. `min_rows` is 5 because a class that is right half of the time is
    predicted for none of 5 rows in 3 of 100 evaluations, and in more for fewer rows. Silent where
    the model predicts one class only (constant-predictions says that).
    A model that is right on less than half of the rows and less than `min_learned`
    of the way from the largest class's share to 1 (0.2, a judgement: 0.3 with 8 equal classes) has
    hardly learned: its errors are a consequence and nothing is said.

    ## Example
    "card_swallowed" has 40 rows and is never predicted; it has 3 training rows.

    ## Fix
    Look for the label in the training data: spelling, number of rows; add rows or weigh the class.

    ## When it is wrong
    When the model was never meant to answer with the class.

    ## Sources
    Faults D29 and D30 of the catalogue.
    """
    scores = class_scores(evaluation)
    if (scores.predicted > 0).sum() <= 1:
        return
    require_learned(evaluation, min_learned)
    never = np.flatnonzero((scores.predicted == 0) & (scores.support >= min_rows))
    if not len(never):
        return
    never = never[np.argsort(-scores.support[never], kind="stable")]
    names = [evaluation.label_names[place] for place in never.tolist()]
    counts = confusion(evaluation)
    trained = evaluation.train_counts
    rows = tuple(
        (
            evaluation.label_names[place],
            int(scores.support[place]),
            None if trained is None else int(trained[place]),
            evaluation.label_names[int(counts[place].argmax())],
        )
        for place in never[:SHOWN].tolist()
    )
    lost = int(scores.support[never].sum())
    first = f"{names[0]!r} with {int(scores.support[never[0]]):,} rows"
    if trained is not None:
        first += f" and {int(trained[never[0]]):,} training rows"
    noun = "class is" if len(names) == 1 else "classes are"
    yield Finding(
        message=(
            f"{len(names):,} of {int((scores.support > 0).sum()):,} {noun} never predicted: {first}"
            + (f", and {len(names) - 1:,} more" if len(names) > 1 else "")
        ),
        where=(Classes(names=tuple(names)),),
        evidence=(
            Table(
                name="classes never predicted",
                columns=("class", "rows", "training rows", "mostly taken for"),
                rows=rows,
                total=len(never),
            ),
        ),
        impact=f"all {lost:,} rows of these classes are answered wrong",
        fixes=(
            Fix(
                title="look for these labels in the training data: their spelling and their "
                "number of rows; add rows or weigh them",
                safety=Safety.MANUAL,
            ),
        ),
    )
