"""ERR001: two classes that are taken for one another far more than chance explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Evidence,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.evaluation import ConfusedPair, class_scores, confused_pairs, require_learned
from tunewell.facts.near.text_overlap import near_repeats
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.evaluation import Evaluation

SHOWN = 10
EXAMPLES = 6


@check(
    "ERR001",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D31", "D29"),
)
def confused_pair(
    evaluation: Evaluation,
    dataset: Dataset | None,
    *,
    max_p: float = 0.001,
    min_errors: int = 5,
    min_share: float = 0.15,
    min_learned: float = 0.2,
) -> Iterator[Finding]:
    """Two classes are taken for one another far more often than chance explains.

    ## What it finds
    The pairs of classes between which errors pile up, with examples and, where the training data
    is given, training texts of both classes that are nearly the same.

    ## Why it matters
    A pair that the model cannot tell apart is most often a pair that the labels do not tell
    apart: the same question is filed under both. More training does not help; a rule for the
    boundary, or one class in place of two, does.

    ## How it is measured
    Errors between the two classes are held against those expected if each class's errors fell on
    the other as they fall on all the rest (Poisson tail, Holm-adjusted over all pairs, bound
    `max_p`; errors at random passed it in at most 1 of 300 simulated evaluations). There
    must be at least `min_errors` of them, and at least `min_share` of one class's rows must go to
    the other: below one in seven the pair is not what holds the model back. Training texts of
    the two classes with seven tenths of their words in common are counted as a blurred boundary.
    A model that is right on less than half of the rows and less than `min_learned`
    of the way from the largest class's share to 1 (0.2, a judgement: 0.3 with 8 equal classes) has
    hardly learned: its errors are a consequence and nothing is said.

    ## Example
    "card_arrival" is answered "card_delivery_estimate" in 9 of 40 rows; 0.4 were expected.

    ## Fix
    Read the examples; write down the boundary and relabel, or merge the two classes.

    ## When it is wrong
    When the classes are hard to tell apart for people too and must stay two.

    ## Sources
    Faults D29 and D31 of the catalogue.
    """
    require_learned(evaluation, min_learned)
    support = class_scores(evaluation).support
    found = [
        pair
        for pair in confused_pairs(evaluation)
        if pair.p_value <= max_p and pair.count >= min_errors and _share(pair, support) >= min_share
    ]
    if not found:
        return
    worst = max(found, key=lambda pair: (pair.count, -pair.p_value))
    one, two = (evaluation.label_names[number] for number in (worst.first, worst.second))
    evidence: list[Evidence] = [_pairs(evaluation, found), _examples(evaluation, worst)]
    blurred, fix = "", "read the examples, write down where the boundary lies and relabel, or merge"
    if dataset is not None:
        table = _boundary(dataset, one, two)
        if table is not None:
            evidence.append(table)
            repeat = (
                "text of the one nearly repeats"
                if table.total == 1
                else ("texts of the one nearly repeat")
            )
            blurred = f"; {table.total:,} training {repeat} one of the other"
            fix = "the labels do not tell the two apart: relabel their training rows, or merge them"
    more = f"; and {len(found) - 1:,} more" if len(found) > 1 else ""
    yield Finding(
        message=(
            f"{one!r} is answered {two!r} in {worst.first_as_second:,} of "
            f"{int(support[worst.first]):,} rows and the reverse in {worst.second_as_first:,} of "
            f"{int(support[worst.second]):,}; {worst.expected:.1f} such errors were expected"
            f"{blurred}{more}"
        ),
        where=tuple(
            Classes(names=(evaluation.label_names[pair.first], evaluation.label_names[pair.second]))
            for pair in found
        ),
        evidence=tuple(evidence),
        impact=(
            f"{sum(pair.count for pair in found):,} of {int((~evaluation.correct).sum()):,} wrong "
            f"answers lie between such pairs"
        ),
        fixes=(Fix(title=fix, safety=Safety.MANUAL),),
    )


def _share(pair: ConfusedPair, support: np.ndarray) -> float:
    return max(
        pair.first_as_second / max(int(support[pair.first]), 1),
        pair.second_as_first / max(int(support[pair.second]), 1),
    )


def _pairs(evaluation: Evaluation, found: list[ConfusedPair]) -> Table:
    names = evaluation.label_names
    return Table(
        name="confused pairs",
        columns=("class", "other class", "taken for it", "the reverse", "expected"),
        rows=tuple(
            (
                names[pair.first],
                names[pair.second],
                pair.first_as_second,
                pair.second_as_first,
                round(pair.expected, 1),
            )
            for pair in found[:SHOWN]
        ),
        total=len(found),
    )


def _examples(evaluation: Evaluation, pair: ConfusedPair) -> Table:
    given, predicted, names = evaluation.given, evaluation.predicted, evaluation.label_names
    rows = np.flatnonzero(
        ((given == pair.first) & (predicted == pair.second))
        | ((given == pair.second) & (predicted == pair.first))
    )
    return Table(
        name="wrong answers between the first pair",
        columns=("line", "text", "label", "prediction"),
        rows=tuple(
            (
                None if evaluation.lines is None else evaluation.lines[row],
                None if evaluation.texts is None else evaluation.texts[row],
                names[given[row]],
                names[predicted[row]],
            )
            for row in rows[:EXAMPLES].tolist()
        ),
        total=len(rows),
    )


def _boundary(dataset: Dataset, one: str, two: str) -> Table | None:
    """Training texts of the two classes that nearly say the same, None where there are none."""
    train = dataset.train
    first = [row for row, label in enumerate(train.labels) if label == one]
    second = [row for row, label in enumerate(train.labels) if label == two]
    repeats = near_repeats(
        [train.texts[row] for row in first], [train.texts[row] for row in second]
    )
    if not repeats:
        return None
    return Table(
        name="training texts that say nearly the same",
        columns=("line", one, "line", two),
        rows=tuple(
            (
                train.lines[first[here]],
                train.texts[first[here]],
                train.lines[second[there]],
                train.texts[second[there]],
            )
            for here, there, _ in repeats[:EXAMPLES]
        ),
        total=len(repeats),
    )
