"""HYP054: logged learning rates that differ from the closed form of the schedule that was set."""

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
from tunewell.facts.curves import evidence
from tunewell.facts.schedules import OFFSETS, Schedule, closest, off_by, schedule_of, zero_from
from tunewell.subjects.trace import Column, Trace

SPEEDS = (2, 3, 4, 6, 8, 16, 32, 64)


@check(
    "HYP054",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O04",),
)
def schedule_not_as_set(
    trace: Trace,
    *,
    max_off: float = 0.1,
    max_same: float = 0.02,
    max_skipped: int = 5,
    min_logs: int = 5,
) -> Iterator[Finding]:
    """Learning rates that do not follow the schedule that the settings name.

    ## What it finds
    A run whose logged learning rates lie far from the closed form of its own settings, and where it
    can be told, why: the scheduler is advanced several times a step, or once in several.

    ## Why it matters
    The run trained at other rates than were chosen. A schedule that is counted in micro-batches but
    advanced by optimizer steps never decays; one that is advanced by each process decays too soon,
    and a cosine then rises again.

    ## How it is measured
    The closed forms of linear, cosine, constant and constant with warm-up, with the warm-up and the
    length that the log holds, and a height that is fitted, as parameter groups may have rates of
    their own. Both ways of logging are tried (the rate of the step that was made, and that of the
    next). The largest distance must be above `max_off` of the highest rate (0.1, well above one
    step's change in a run of some length; runs with more than `max_skipped` steps skipped by fp16,
    5, are left out, as the scheduler waits with them). A cause is
    named where the form advanced 2, 3, 4, 6, 8, 16, 32 or 64 times a step, or once in so many, fits
    to `max_same` (0.02). At least `min_logs` logs (5); runs with arguments of the schedule, runs
    that were resumed, or whose rate the guard lowered, are left out, and so are rates that end at
    0 early or stand still, of which others speak.

    ## Example
    Cosine over 1,000 steps; the rate is back at its highest at step 500: advanced 4 times a step.

    ## Fix
    Advance the scheduler once an optimizer step, and build it for that number of steps.

    ## When it is wrong
    When the script builds a schedule of its own beside the one in the arguments.

    ## Sources
    Fault O04 of the catalogue; transformers, `optimization.py`.
    """
    schedule, rates = schedule_of(trace), trace.column("learning_rate").finite
    if schedule is None:
        message = "the log does not tell a schedule whose closed form is known"
        raise NotApplicableError(message)
    waited = int((trace.column("skipped").finite.values > 0).sum())
    if len(rates) < min_logs or trace.restarts or trace.interventions or waited > max_skipped:
        message = f"it takes {min_logs} logged learning rates of a run in one piece"
        raise NotApplicableError(message)
    far = closest(rates, schedule)
    # One step more or less is a large part of a short warm-up.
    if far <= max_off + 1 / max(1, schedule.warmup) * bool(schedule.warmup) or _others(rates):
        return
    why, speed = _why(rates, schedule, max_same)
    offset = min(OFFSETS, key=lambda at: off_by(rates, schedule, offset=at))
    form = schedule.factor(np.maximum(rates.steps + float(offset), 0)) * rates.values.max()
    yield Finding(
        message=(
            f"the learning rate does not follow the {schedule.kind} schedule over "
            f"{schedule.total:,} steps that is set: it is off by up to {100 * far:.0f} % of its "
            f"highest value{why}"
        ),
        where=(
            Steps(metric="learning_rate", first=int(rates.steps[0]), last=int(rates.steps[-1])),
        ),
        evidence=(
            evidence("learning_rate", rates),
            evidence("the schedule that is set", Column(rates.steps, form)),
            Number(
                name="largest distance from the schedule",
                value=100 * far,
                unit="%",
                bound=f"at most {100 * max_off:.0f} %",
            ),
        ),
        impact="the run was trained at other learning rates than were chosen",
        fixes=(
            Fix(
                title="advance the scheduler once an optimizer step and build it for that number "
                "of steps",
                safety=Safety.MANUAL,
            ),
        ),
        confidence=Confidence.HIGH if speed else None,
    )


def _others(rates: Column) -> bool:
    """Whether the rate stands still or ends at 0, of which other checks speak."""
    place = zero_from(rates)
    still = bool((rates.values == rates.values[0]).all())
    return still or (place is not None and len(rates) - place >= 3)  # noqa: PLR2004  theirs


def _why(rates: Column, schedule: Schedule, max_same: float) -> tuple[str, float | None]:
    for times in SPEEDS:
        if closest(rates, schedule, speed=times) <= max_same:
            return f"; it is advanced {times} times a step", float(times)
        if closest(rates, schedule, speed=1 / times) <= max_same:
            return f"; it is advanced once in {times} steps", 1 / times
    return "", None
