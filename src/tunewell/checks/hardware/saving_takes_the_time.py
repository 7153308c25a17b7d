"""HW041: much time goes to writing checkpoints."""

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
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.facts.evaluation_time import beyond_share, run_seconds
from tunewell.subjects.trace import Trace


@check(
    "HW041",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def saving_takes_the_time(
    trace: Trace, *, max_share: float = 0.15, min_minutes: float = 5.0, min_saves: int = 3
) -> Iterator[Finding]:
    """A large share of the run's time goes to writing checkpoints.

    ## What it finds
    A run that stands still for minutes while its checkpoints are written.

    ## Why it matters
    A checkpoint is insurance: what it can save is the time since the last one. Written too often it
    costs more than it covers, and every one holds the optimizer's state of twice the trained
    weights.

    ## How it is measured
    The watcher times each save. Their sum is held against the time of the run: above `max_share`
    (0.15) after `min_saves` saves (3), where what goes beyond that share is more than `min_minutes`
    (5) for the whole run, worked out from `max_steps` while it goes on. The share follows from
    what a checkpoint is for: writing one takes S seconds and comes every T, a failure loses T/2 on
    average, and the cost of both is least at T = sqrt(2 S M), where M is the time between failures
    (Young 1974); with S of a minute and M of a day the least cost is at a share of 0.02, so 0.15 is
    far on the wrong side of it.

    ## Example
    Every 100 steps of 2 s a checkpoint that takes 65 s.

    ## Fix
    Save less often, to a faster disk, or `save_only_model = true` in a run that is not to be
    resumed.

    ## When it is wrong
    When the machine is taken away every few minutes.

    ## Sources
    Young 1974, A first order approximation to the optimum checkpoint interval.
    """
    each, whole = trace.column("saving_seconds").finite, run_seconds(trace)
    if len(each) < min_saves or not whole:
        reason = f"fewer than {min_saves} checkpoints were timed"
        raise NotApplicableError(reason)
    spent = float(each.values.sum())
    share, beyond = beyond_share(trace, spent, whole, max_share)
    if share <= max_share or beyond < min_minutes:
        return
    yield Finding(
        message=(
            f"{100 * share:.0f} % of the time goes to saving: {counted(len(each), 'checkpoint')} "
            f"of {float(np.median(each.values)):,.0f} s in {whole / 60:,.0f} min"
        ),
        where=(Steps(metric="saving_seconds", first=int(each.steps[0]), last=int(each.steps[-1])),),
        evidence=(
            Number(
                name="time in saving",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            evidence("saving_seconds", each),
        ),
        impact=f"{beyond:,.0f} min of the whole run go beyond that share",
        fixes=(
            Fix(
                title="save less often, or save_only_model in a run that is not to be resumed",
                safety=Safety.MANUAL,
            ),
        ),
    )
