"""ADA033: the loss is higher after a restart than it was before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import stdtrit

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import Values, evidence, is_reward_training
from tunewell.facts.restarts import BATCH, Sides, changed, require_restarts, sides
from tunewell.stats.trend import trend
from tunewell.subjects.trace import Column, Restart, Trace

NEAR = 12
"""Points on each side that are compared: nearer to the restart than that, and few enough that the
loss has hardly fallen meanwhile."""


@check(
    "ADA033",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S19", "S21"),
)
def loss_jumps_at_resume(
    trace: Trace, *, min_points: int = 5, min_rise: float = 0.1, level: float = 0.999
) -> Iterator[Finding]:
    """Training loss is clearly higher after a restart than just before it.

    ## What it finds
    A run that does not go on where it was: weights, optimizer or rows are other ones after the
    restart.

    ## Why it matters
    A checkpoint that was saved or loaded badly shows here first, and steps are spent on what had
    been learned.

    ## How it is measured
    On the losses of single steps where the watcher has them, else on the logged ones. Where steps
    were trained twice their losses are compared in pairs, at least `min_points` (5): the same rows
    with the same weights give the same loss. Otherwise up to twelve values on each side, at least
    `min_points`. The mean difference must be a rise of `min_rise` of the level before (0.1) whose
    interval at `level` (0.999, Student's, for unequal variances) lies above 0; and where nothing
    was trained twice the first half of the points after the restart must lie as far above too, and
    the curve before it may not have been rising. Runs that log rewards, and restarts at which the
    batch or its order was set anew, are left out of the second kind.

    ## Example
    0.41 on average over the steps before step 500, 0.78 over those after it.

    ## Fix
    Compare the loss of one batch before saving and after loading; keep `optimizer.pt` and
    `scheduler.pt`.

    ## When it is wrong
    When harder rows begin exactly at the restart, as in sorted data, or at a new epoch of rows that
    had been learned by heart.

    ## Sources
    Faults S19 and S21 of the catalogue. The bounds are judgements.
    """
    if is_reward_training(trace):
        reason = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(reason)
    name = next((n for n in ("step_loss", "raw_loss") if len(trace.column(n))), "loss")
    looked = False
    for restart in require_restarts(trace):
        around = sides(trace, restart, name)
        steps, one, other = np.intersect1d(
            around.repeated.steps, around.after.steps, return_indices=True
        )
        if len(steps) >= min_points:
            looked = True
            was, now = around.repeated.values[one], around.after.values[other]
            low = _low_of_pairs(now - was, level)
            if low > 0 and float((now - was).mean()) >= min_rise * abs(float(was.mean())):
                yield _finding(trace, restart, name, was=was, now=now, paired=True)
                return
            continue
        before, after = _near(around)
        if len(before) < min_points or len(after) < min_points:
            continue
        looked = True
        if _jumped(before, after, min_rise, level) and not changed(restart, BATCH):
            yield _finding(trace, restart, name, was=before.values, now=after.values, paired=False)
            return
    if not looked:
        reason = f"fewer than {min_points} losses were logged on both sides of a restart"
        raise NotApplicableError(reason)


def _near(around: Sides) -> tuple[Column, Column]:
    before, after = around.before, around.after
    return (
        Column(before.steps[-NEAR:], before.values[-NEAR:]),
        Column(after.steps[:NEAR], after.values[:NEAR]),
    )


def _low_of_pairs(differences: Values, level: float) -> float:
    count = len(differences)
    error = float(differences.std(ddof=1)) / count**0.5
    quantile = float(stdtrit(count - 1, 0.5 + level / 2))
    low: float = float(differences.mean()) - error * quantile
    return low


def _jumped(before: Column, after: Column, min_rise: float, level: float) -> bool:
    was, now = before.values, after.values
    rise = float(now.mean() - was.mean())
    begin = float(now[: max(2, len(now) // 2)].mean() - was.mean())
    if min(rise, begin) < min_rise * abs(float(was.mean())):
        return False
    if trend(before.steps, was).slope > 0 and trend(before.steps, was).rises:
        return False
    parts = [float(side.var(ddof=1)) / len(side) for side in (was, now)]
    error = sum(parts) ** 0.5
    if error == 0:
        return rise > 0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (was, now), strict=True)
    )
    return bool(rise - error * float(stdtrit(freedom, 0.5 + level / 2)) > 0)


def _finding(
    trace: Trace, restart: Restart, name: str, *, was: Values, now: Values, paired: bool
) -> Finding:
    column = trace.column(name).finite
    shown = name if name == "loss" else "loss"
    logged = trace.column("loss").finite if len(trace.column("loss")) else column
    over = (
        "over the same steps" if paired else f"over {len(was)} values before and {len(now)} after"
    )
    return Finding(
        message=(
            f"after the restart at step {restart.step:,} the training loss is {now.mean():.3g}, "
            f"where it was {was.mean():.3g} ({over}): the run does not go on where it was"
        ),
        where=(Steps(metric=name, first=restart.step, last=int(column.steps[-1])),),
        evidence=(
            Number(
                name="loss after the restart against before",
                value=100 * float(now.mean() / was.mean()),
                unit="%",
                bound="about 100 %",
            ),
            evidence(shown, logged, Mark(step=restart.step, text="resumed")),
        ),
        impact="steps are spent on what had been learned",
        fixes=(
            Fix(
                title="compare the loss of one batch before saving and after loading, and resume "
                "from a checkpoint with its optimizer and scheduler",
                safety=Safety.MANUAL,
            ),
        ),
    )
