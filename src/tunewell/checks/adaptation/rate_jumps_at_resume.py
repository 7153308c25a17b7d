"""ADA031: the learning rate is another one after a restart than it was before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
from tunewell.facts.curves import evidence
from tunewell.facts.restarts import SCHEDULE, Sides, changed, require_restarts, sides
from tunewell.subjects.trace import Column, Restart, Trace

LOST = 0.5
"""A rate of less than this share of the last one fell; more may be a corner of the schedule."""


@check(
    "ADA031",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S20", "S18"),
)
def rate_jumps_at_resume(
    trace: Trace, *, max_off: float = 0.02, max_jump: float = 0.05
) -> Iterator[Finding]:
    """The learning rate jumps where a run was resumed.

    ## What it finds
    A resumed run whose schedule did not go on where it was: it began again, was shifted, or became
    another one because the run was made longer.

    ## Why it matters
    A rate that jumps back up undoes what the end of the schedule had settled, and the run is not
    the one that it would have been without the break. Where the settings were changed the jump
    follows from them, which is worth knowing: then it is told as information.

    ## How it is measured
    Where steps were trained twice, the two rates at the same step are compared: the median of their
    differences may be `max_off` of the highest rate (0.02: a rate logged one step later differs by
    less in any schedule of fifty steps). Otherwise the first rate after the restart is held against
    the line through the last two before it: it may lie above both the line and the last of them by
    `max_jump` of the highest rate (0.05) or by three times the largest deviation from such a line
    anywhere else in the run, and as far below them, where less than half is left; the end of a
    warm-up lies between. A warning where the parts' settings are the same or not known, information
    where rate, schedule or length were changed.

    ## Example
    2.1e-4, 2.0e-4, then 5e-4 after the restart at step 1,200.

    ## Fix
    Resume from a checkpoint that has its `scheduler.pt`, with `resume_from_checkpoint`.

    ## When it is wrong
    When the schedule has steps of its own, as with warm restarts, and one falls on the restart.

    ## Sources
    transformers issues 23099 and 34053; faults S18 and S20 of the catalogue, reproduced with
    transformers 5.23.
    """
    told = False
    for restart in require_restarts(trace):
        around = sides(trace, restart, "learning_rate")
        if not len(around.after):
            continue
        top = float(trace.column("learning_rate").finite.values.max())
        told = True
        if top <= 0:
            continue
        expected = _expected(trace, restart, around, top, max_off=max_off, max_jump=max_jump)
        if expected is not None:
            yield _finding(trace, restart, around, expected)
            return
    if not told:
        reason = "no learning rate was logged after a restart"
        raise NotApplicableError(reason)


def _expected(
    trace: Trace,
    restart: Restart,
    around: Sides,
    top: float,
    *,
    max_off: float,
    max_jump: float,
) -> float | None:
    """The rate that was to be expected first after the restart, where it is another one."""
    steps, one, other = np.intersect1d(
        around.repeated.steps, around.after.steps, return_indices=True
    )
    if len(steps):
        was = around.repeated.values[one]
        off = float(np.median(np.abs(around.after.values[other] - was))) / top
        return float(was[0]) if off > max_off else None
    if len(around.before) < 2:  # noqa: PLR2004  a line takes two
        return None
    line = _extended(around.before, int(around.after.steps[0]))
    last = float(around.before.values[-1])
    now = float(around.after.values[0])
    # A corner of the schedule turns it; only a jump leaves what lies between the line and the last.
    higher, lower = max(line, last), min(line, last)
    off = max(now - higher, lower - now if now < LOST * lower else 0.0)
    return line if off > max(max_jump * top, 3 * _usual_deviation(trace, restart)) else None


def _extended(before: Column, step: int) -> float:
    slope = (before.values[-1] - before.values[-2]) / (before.steps[-1] - before.steps[-2])
    # A schedule that nears 0 bends, and no rate is below 0.
    return max(0.0, float(before.values[-1] + slope * (step - before.steps[-1])))


def _usual_deviation(trace: Trace, restart: Restart) -> float:
    """The largest deviation of a rate from the line through the two before it, elsewhere."""
    rates = trace.column("learning_rate").finite
    if len(rates) < 3:  # noqa: PLR2004  a line and a value beside it
        return 0.0
    steps, values = rates.steps, rates.values
    slope = np.diff(values)[:-1] / np.diff(steps)[:-1]
    line = np.maximum(values[1:-1] + slope * np.diff(steps)[1:], 0.0)
    elsewhere = (steps[:-2] > restart.step) | (steps[2:] <= restart.step)
    return float(np.abs(values[2:] - line)[elsewhere].max(initial=0.0))


def _finding(trace: Trace, restart: Restart, around: Sides, expected: float) -> Finding:
    rates = trace.column("learning_rate").finite
    now, step = float(around.after.values[0]), int(around.after.steps[0])
    why = changed(restart, SCHEDULE)
    words = ", ".join(f"{name} from {old} to {new}" for name, (old, new) in why.items())
    began = float(around.after.values.max()) >= 0.95 * float(rates.values.max()) > 1.5 * expected
    how = "; the schedule began again" if began and not why else ""
    return Finding(
        message=(
            f"after the restart at step {restart.step:,} the learning rate is {now:.3g} at step "
            f"{step:,}, where {expected:.3g} was to come"
            f"{f', because {words} was changed' if why else how}"
        ),
        where=(Steps(metric="learning_rate", first=restart.step, last=step),),
        evidence=(
            Number(name="learning rate", value=now, bound=f"about {expected:.3g}"),
            evidence("learning_rate", rates, Mark(step=restart.step, text="resumed")),
        ),
        impact="the run is not the one it would have been without the break",
        severity=Severity.INFO if why else Severity.WARNING,
        fixes=(
            Fix(
                title="resume from a checkpoint that has its scheduler.pt, with "
                "resume_from_checkpoint",
                safety=Safety.MANUAL,
            ),
        )
        if not why
        else (
            Fix(
                title="plan the length before the run, or start a new one from these weights",
                safety=Safety.MANUAL,
            ),
        ),
    )
