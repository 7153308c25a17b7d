"""FIT073: the rejected answers are preferred, with pairs turned round somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.facts.evaluation_time import evaluated_rows
from tunewell.facts.preference_runs import (
    Preferences,
    late,
    preferences,
    share_interval,
)
from tunewell.stats.levels import Level
from tunewell.subjects.trace import Column, Trace

CHANCE = 0.5


@check(
    "FIT073",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
)
def rejected_answers_preferred(
    trace: Trace, *, min_points: int = 10, min_evaluations: int = 2
) -> Iterator[Finding]:
    """Rejected answers that get more reward than the preferred ones.

    ## What it finds
    Two things. Training pairs are learned, and evaluation pairs come out the wrong way round: in
    one of the two sets preferred and rejected answers have changed places. Or the training pairs
    themselves come out the wrong way round: then the reference is not the model that the run
    started from.

    ## Why it matters
    With swapped evaluation pairs the best checkpoint is the worst, and with swapped training pairs
    the model is taught what people did not want. The training curves look the same in both cases.

    ## How it is measured
    Accuracy of the last evaluation, with Wilson's 95 % interval for as many rows as its logged time
    and speed give, must lie below 0.5, and so that of each evaluation before it (at least
    `min_evaluations`, 2), while the training accuracy of the last third of the logs lies above 0.5
    with its interval. Or the latter lies below 0.5 with its interval, which is taken from the
    scatter of the logs: at least `min_points` of them (10). Only where a model that has learned
    nothing is right about half: with a reference model, or for a reward model. The first logs do
    not count: a margin of exactly 0 is counted as wrong.

    ## Example
    rewards/accuracies 0.86, eval_rewards/accuracies 0.15 of 48 pairs.

    ## Fix
    Read a few pairs of both sets, and change the two columns of the one that is turned round. Where
    training itself is below 0.5, let the trainer make the reference from the model it trains.

    ## When it is wrong
    When the evaluation set is meant to hold the opposite preference, as in a test of robustness.

    ## Sources
    Wilson 1927. TRL counts a pair as right where the chosen reward is larger than the rejected one.
    No fault of the catalogue at this stage; D31 finds swapped pairs in data.
    """
    pairs = preferences(trace)
    if not pairs.centred or len(pairs.accuracy) < min_points:
        message = f"it takes {min_points} accuracies over pairs that begin at chance"
        raise NotApplicableError(message)
    learned, judged = late(pairs.accuracy), preferences(trace, "eval_").accuracy
    if learned.high < CHANCE:
        yield _backwards(pairs, learned)
        return
    rows = evaluated_rows(trace)
    if learned.low <= CHANCE or rows is None or len(judged) < min_evaluations:
        return
    ends = [share_interval(float(share), rows) for share in judged.values]
    if any(high >= CHANCE for _, high in ends):
        return
    yield _swapped(pairs.accuracy, learned, judged, rows)


def _swapped(trained: Column, learned: Level, judged: Column, rows: int) -> Finding:
    share = float(judged.values[-1])
    low, high = share_interval(share, rows)
    return Finding(
        message=(
            f"of {rows:,} evaluation pairs {100 * share:.0f} % come out right ({100 * low:.0f} to "
            f"{100 * high:.0f} %), of the training pairs {100 * learned.mean:.0f} %: one of the "
            f"two sets has preferred and rejected answers the other way round"
        ),
        where=(
            Steps(
                metric="eval_rewards/accuracies",
                first=int(judged.steps[0]),
                last=int(judged.steps[-1]),
            ),
        ),
        evidence=(
            evidence("accuracy over evaluation pairs", judged),
            evidence("accuracy over training pairs", trained),
            Number(
                name="evaluation pairs that come out right",
                value=100 * share,
                unit="%",
                bound="at least 50 %",
                low=100 * low,
                high=100 * high,
            ),
        ),
        impact="either the model learns what was not wanted, or the worst checkpoint is kept",
        fixes=(
            Fix(
                title="read some pairs of both sets and exchange the columns of the wrong one",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _backwards(pairs: Preferences, learned: Level) -> Finding:
    return Finding(
        message=(
            f"{100 * learned.mean:.0f} % of the training pairs come out right "
            f"({max(0.0, 100 * learned.low):.0f} to {100 * learned.high:.0f} %) in the last third "
            f"of the run, fewer than by chance"
        ),
        where=(
            Steps(
                metric="accuracy over pairs",
                first=int(pairs.accuracy.steps[0]),
                last=int(pairs.accuracy.steps[-1]),
            ),
        ),
        evidence=(
            evidence("accuracy over training pairs", pairs.accuracy),
            Number(
                name="training pairs that come out right",
                value=100 * learned.mean,
                unit="%",
                bound="at least 50 %",
                low=100 * learned.low,
                high=100 * learned.high,
            ),
        ),
        impact="training pushes the wrong way, or the reference is another model",
        fixes=(
            Fix(
                title="let the trainer make the reference from the model that it trains",
                safety=Safety.MANUAL,
            ),
        ),
    )
