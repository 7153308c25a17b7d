"""HW045: steps that take longer and longer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
from tunewell.facts.curves import evidence, is_reward_training
from tunewell.stats.trend import trend
from tunewell.subjects.trace import Column, Trace

PARTS = 8


@check(
    "HW045",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def steps_slow_down(
    trace: Trace,
    *,
    min_growth: float = 0.3,
    min_points: int = 24,
    warm_up: float = 0.1,
    min_rising: float = 0.8,
) -> Iterator[Finding]:
    """Each step takes longer than the ones before it.

    ## What it finds
    A run whose steps become slower and slower, as where a list grows that every step walks through,
    a graph is kept, memory is swapped, or the GPU gets too hot.

    ## Why it matters
    The time left is longer than it looks, and the cause often ends the run.

    ## How it is measured
    On the watcher's time of each step without the wait for data. The first `warm_up` of the points
    (0.1) are left out: compilation and the first batch of each shape are paid there. Of the rest,
    at least `min_points` (24), all must hold: the slope's 95 % interval, widened for the
    correlation of neighbours, lies above 0; the growth over the stretch, by the lower end of that
    interval, is `min_growth` of the level at its beginning (0.3); each half rises by itself; and
    the quickest step of each eighth is slower than that of the one before in `min_rising` of them
    (0.8): other programs slow some steps down, but not the quickest ones more and more. Where the
    trained tokens of a step grow as well, the time for each token is taken. Runs that generate and
    log rewards are left out: their steps grow with their answers.

    ## Example
    0.41 s at step 100, 0.55 s at 1,000, 0.70 s at 2,000.

    ## Fix
    Look for what grows: lists in callbacks, losses that are kept with their graph, swapped memory
    (see memory-creeps-up), the GPU's temperature.

    ## When it is wrong
    When rows become longer as the run goes on and their tokens were not counted.

    ## Sources
    No fault of the catalogue. The bounds are judgements.
    """
    if is_reward_training(trace):
        reason = "steps that generate grow with their answers"
        raise NotApplicableError(reason)
    column = _for_each_token(trace)
    start = max(1, int(len(column) * warm_up))
    steps, values = column.steps[start:], column.values[start:]
    if len(values) < min_points:
        reason = f"fewer than {min_points} steps or logs were timed"
        raise NotApplicableError(reason)
    line = trend(steps, values)
    half = len(values) // 2
    halves = (trend(steps[:half], values[:half]), trend(steps[half:], values[half:]))
    quickest = np.array([part.min() for part in np.array_split(values, PARTS)])
    length = float(steps[-1] - steps[0])
    began = float(np.median(values[: max(3, len(values) // PARTS)]))
    if (
        not line.rises
        or line.low * length < min_growth * began
        or not all(part.slope > 0 for part in halves)
        or float((np.diff(quickest) > 0).mean()) < min_rising
    ):
        return
    ended = float(np.median(values[-max(3, len(values) // PARTS) :]))
    shown = trace.column("step_seconds").finite
    yield Finding(
        message=(
            f"steps take {ended / began:.2g} times as long at step {int(steps[-1]):,} as at step "
            f"{int(steps[0]):,}, and became slower all the way"
        ),
        where=(Steps(metric="step_seconds", first=int(steps[0]), last=int(steps[-1])),),
        evidence=(
            Number(
                name="growth over this stretch, of its first level",
                value=100 * line.slope * length / began,
                low=100 * line.low * length / began,
                high=100 * line.high * length / began,
                unit="%",
                bound=f"below {100 * min_growth:g} %",
            ),
            evidence("step_seconds", shown),
        ),
        impact="the run takes longer than it looks, and what grows may end it",
        fixes=(
            Fix(
                title="look for what grows: lists in callbacks, losses kept with their graph, "
                "swapped memory, heat",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _for_each_token(trace: Trace) -> Column:
    """Seconds of each step, or of each token of it where the steps grow."""
    seconds, tokens = trace.column("step_seconds").finite, trace.column("trained_tokens").finite
    steps, one, other = np.intersect1d(seconds.steps, tokens.steps, return_indices=True)
    counted = tokens.values[other]
    if len(steps) < len(seconds) or not len(steps) or counted.min() <= 0:
        return seconds
    if not trend(steps, counted).rises:
        return seconds
    return Column(steps, seconds.values[one] / counted * float(counted.mean()))
