"""HW040: more time goes to evaluation than to training."""

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
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.facts.evaluation_time import beyond_share, evaluation_seconds, run_seconds
from tunewell.subjects.trace import Trace


@check(
    "HW040",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def evaluation_takes_the_time(
    trace: Trace, *, max_share: float = 0.4, min_minutes: float = 10.0, min_evaluations: int = 3
) -> Iterator[Finding]:
    """A large share of the run's time goes to evaluating it.

    ## What it finds
    A run that spends more than four tenths of its time in its own evaluations, and minutes of it.

    ## Why it matters
    The same curve with half the points, or on a sample of the rows, costs half.

    ## How it is measured
    The seconds of each evaluation, by the watcher or by the Trainer's `eval_runtime`, against those
    of the run: `train_runtime` at its end, the steps' own times while it goes on. Above `max_share`
    (0.4, a judgement), after at least `min_evaluations` evaluations (3), and where what goes beyond
    that share is more than `min_minutes` (10) for the whole run, which is worked out from
    `max_steps` while it goes on: in a short run nobody minds.

    ## Example
    12 evaluations of 9 minutes in a run of 3 hours.

    ## Fix
    Evaluate half as often, on a fixed sample of a few thousand rows, or with a larger batch, which
    evaluation has room for.

    ## When it is wrong
    When the evaluations are the purpose of the run, as in a study of the curve.

    ## Sources
    No fault of the catalogue. The bound is a judgement.
    """
    each, whole = evaluation_seconds(trace), run_seconds(trace)
    if each is None or len(each) < min_evaluations or not whole:
        reason = f"fewer than {min_evaluations} evaluations were timed, or the run was not"
        raise NotApplicableError(reason)
    spent = float(each.values.sum())
    share, beyond = beyond_share(trace, spent, whole, max_share)
    if share <= max_share or beyond < min_minutes:
        return
    yield Finding(
        message=(
            f"{100 * share:.0f} % of the time goes to evaluation: "
            f"{counted(len(each), 'evaluation')} of {spent / len(each):,.0f} s in "
            f"{whole / 60:,.0f} min"
        ),
        where=(Steps(metric="eval_runtime", first=int(each.steps[0]), last=int(each.steps[-1])),),
        evidence=(
            Number(
                name="time in evaluations",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            evidence("eval_runtime", each),
        ),
        impact=f"{beyond:,.0f} min of the whole run go beyond that share",
        fixes=(
            Fix(
                title="evaluate half as often, or on a fixed sample, or with a larger "
                "per_device_eval_batch_size",
                safety=Safety.MANUAL,
            ),
        ),
    )
