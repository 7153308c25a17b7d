"""HYP052: a learning rate that is 0, or does not move where the schedule says it must."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Steps
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.facts.schedules import DECAYING, OFFSETS, schedule_of
from tunewell.subjects.trace import Column, Trace

SKIPPED = "every step is skipped, as fp16 does where gradients overflow: the scheduler waits too"


@check("HYP052", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O05",))
def learning_rate_stuck(
    trace: Trace, *, min_logs: int = 3, min_steps: int = 20, min_due: float = 0.05
) -> Iterator[Finding]:
    """A learning rate that is 0 at every log, or stays where its schedule has to move it.

    ## What it finds
    A run all of whose logged learning rates are 0, and one whose rate is the same at every log
    although its settings ask for a schedule that would have changed it.

    ## Why it matters
    With a rate of 0 nothing is learned, whatever the log looks like. A rate that stands still means
    that the scheduler is not advanced: either every optimizer step is skipped (fp16 whose gradients
    overflow), or another scheduler than the one that was set is in charge, as with DeepSpeed.

    ## How it is measured
    At least `min_logs` logged rates (3) over `min_steps` steps (20, as the catalogue has it). Zero
    is exactly 0. For the rate that stands still the settings must name linear, cosine or constant
    with warm-up, and the closed form must have moved by `min_due` of the highest rate (0.05) since
    the first log; an equal float at every log is then no rounding. A constant rate by choice is
    quiet, and so is a run whose log does not tell its schedule.

    ## Example
    `'learning_rate': 0.0` at each of 30 logs, with `lr_scheduler_type="linear"`.

    ## Fix
    bf16 in place of fp16; take the scheduler out of the DeepSpeed configuration; call
    `scheduler.step()` after `optimizer.step()`.

    ## When it is wrong
    When a rate of 0 was meant, to measure the loss of an unchanged model.

    ## Sources
    Fault O05 of the catalogue.
    """
    rates = trace.column("learning_rate").finite
    span = int(rates.steps[-1] - rates.steps[0]) if len(rates) else 0
    if len(rates) < min_logs or span < min_steps:
        message = f"it takes {min_logs} logged learning rates over {min_steps} steps"
        raise NotApplicableError(message)
    zero = not np.any(rates.values)
    if not zero and (np.any(rates.values != rates.values[0]) or _due(trace, rates) < min_due):
        return
    skipped = trace.column("skipped").finite
    why = f": {SKIPPED}" if len(skipped) and skipped.values[1:].all() else ""
    what = (
        f"the learning rate is 0 at {counted(len(rates), 'log')} from step {rates.steps[0]:,} to "
        f"{rates.steps[-1]:,}: nothing is learned"
        if zero
        else f"the learning rate stands at {rates.values[0]:.3g} from step {rates.steps[0]:,} to "
        f"{rates.steps[-1]:,}, while the schedule that is set "
        f"({trace.settings.get('lr_scheduler_type')}) has to move it{why}"
    )
    yield Finding(
        message=what,
        where=(
            Steps(metric="learning_rate", first=int(rates.steps[0]), last=int(rates.steps[-1])),
        ),
        evidence=(
            evidence("learning_rate", rates),
            Number(name="learning rate", value=float(rates.values[0])),
        ),
        impact="the weights do not change" if zero else "the schedule that was chosen is not used",
        fixes=(
            Fix(
                title="train in bf16 or fp32 in place of fp16; let one scheduler alone be in "
                "charge, and advance it after each optimizer step",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _due(trace: Trace, rates: Column) -> float:
    """By how much of the highest rate the closed form moved over the logs, at least."""
    schedule = schedule_of(trace)
    if schedule is None or schedule.kind not in DECAYING | {"constant_with_warmup"}:
        return 0.0
    shapes = [schedule.factor(np.maximum(rates.steps + float(offset), 0)) for offset in OFFSETS]
    return min(float(shape.max() - shape.min()) for shape in shapes)
