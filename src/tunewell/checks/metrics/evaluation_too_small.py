"""MET001: an evaluation too small for what is read from it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Evidence,
    File,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.facts.evaluation import accuracy, class_scores
from tunewell.stats.paired import mcnemar, rows_needed
from tunewell.subjects.evaluation import Evaluation, EvaluationPair


@check(
    "MET001",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("E16", "O31"),
)
def evaluation_too_small(
    evaluation: Evaluation,
    pair: EvaluationPair | None,
    *,
    max_half_width: float = 0.05,
    min_rows_per_class: int = 5,
    worth: float = 0.005,
    alpha: float = 0.05,
) -> Iterator[Finding]:
    """The evaluation has too few rows for the decisions that rest on it.

    ## What it finds
    An accuracy known only to within more than 5 points either way, classes of which most have
    almost no rows, and, where two models are compared, a difference that the rows cannot decide.

    ## Why it matters
    Settings and checkpoints are chosen by differences of one or two points. On 100 rows the same
    model moves by 7 points when other rows are drawn: the choice is made by luck.

    ## How it is measured
    By half the width of Wilson's 95 % interval of accuracy (bound `max_half_width`: 5 points are
    wider than any gain that one change of settings usually brings), by the share of classes with
    fewer than `min_rows_per_class` rows (a recall of 5 rows moves in steps of 20 points; more than
    half of the classes must be so small), and, for two models, by McNemar's exact test: a
    difference of at least `worth` with a p-value above `alpha` is not decided. A warning where
    accuracy is known to no better than 10 points or a claimed difference is not decided, else
    information.

    ## Example
    76 % against 72 % on 120 rows: the difference may be anything from -3 to +11 points.

    ## Fix
    Label more rows for the evaluation, as many as the finding says, or cross-validate.

    ## When it is wrong
    When only a very large difference is looked for.

    ## Sources
    Faults E16 and O31 of the catalogue; Wilson 1927; McNemar 1947.
    """
    rows = len(evaluation)
    if not rows:
        message = "the evaluation has no rows"
        raise NotApplicableError(message)
    said: list[str] = []
    evidence: list[Evidence] = []
    severity = Severity.INFO
    wanted: int | None = None
    if pair is not None:
        change = pair.candidate.correct.astype(np.int64) - pair.baseline.correct
        difference = float(change.mean())
        p_value = mcnemar(int((change > 0).sum()), int((change < 0).sum()))
        if abs(difference) >= worth and p_value > alpha:
            wanted = rows_needed(difference, float(change.std()), alpha=alpha)
            severity = Severity.WARNING
            said.append(
                f"a difference of {100 * difference:+.1f} points on {rows:,} rows is not decided "
                f"(p = {p_value:.2f}); about {wanted:,} rows would decide it"
            )
            evidence.append(
                Number(name="p-value of the difference", value=p_value, bound=f"at most {alpha:g}")
            )
    right = accuracy(evaluation)
    half = (right.high - right.low) / 2
    if half > max_half_width:
        if half > 2 * max_half_width:
            severity = Severity.WARNING
        said.append(
            f"accuracy on {rows:,} rows is known only to lie between {100 * right.low:.0f} % and "
            f"{100 * right.high:.0f} %"
        )
        evidence.append(
            Number(
                name="accuracy",
                value=100 * right.value,
                unit="%",
                low=100 * right.low,
                high=100 * right.high,
                bound=f"known to within {100 * max_half_width:g} points",
            )
        )
    support = class_scores(evaluation).support
    present = support[support > 0]
    small = int((present < min_rows_per_class).sum())
    if small > len(present) / 2:
        said.append(
            f"{small:,} of {len(present):,} classes have fewer than {min_rows_per_class} "
            f"evaluation rows"
        )
        evidence.append(
            Number(name="classes with few rows", value=small, bound=f"of {len(present):,} classes")
        )
    if not said:
        return
    if wanted is None:
        # Rows at which the interval is as narrow as the bound.
        spread = max(right.value * (1 - right.value), 0.05)
        wanted = max(int(np.ceil(spread * (1.96 / max_half_width) ** 2)), len(present) * 10)
    yield Finding(
        message="; ".join(said),
        where=(File(path=evaluation.file),) if evaluation.file else (),
        evidence=tuple(evidence),
        impact="choices that rest on this evaluation are made by luck",
        fixes=(Fix(title=f"evaluate on about {wanted:,} rows or more", safety=Safety.MANUAL),),
        severity=severity,
    )
