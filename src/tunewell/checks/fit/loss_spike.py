"""FIT040: the loss leaps up in the middle of the run."""

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
from tunewell.core.words import counted
from tunewell.facts.curves import (
    Excursion,
    evidence,
    excursions,
    is_reward_training,
    start_level,
    training_loss,
)
from tunewell.subjects.trace import Column, Trace

RARE = 5
"""Steps between two logs from which on a log is a mean that evens out single batches."""


@check(
    "FIT040",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O01",),
)
def loss_spike(
    trace: Trace,
    *,
    min_of_first: float = 0.1,
    min_norm: float = 2.0,
    max_cost: float = 0.05,
) -> Iterator[Finding]:
    """Training loss that leaps far above its level and takes a while to come back.

    ## What it finds
    Stretches in which the loss lies far above all that came before, and whether it came back.

    ## Why it matters
    A step that was too large, or a bad batch, threw the weights off. Until the loss is back the
    steps only repair the damage; where it does not come back what was learned is lost.

    ## How it is measured
    On the losses of single steps where the watcher has them, else on the logged ones. A spike is a
    row of five values (three where a log is the mean of five steps or more), each above all of the
    30 before (15) and 1.5 times above their median: by ranks alone, whatever the scatter, values in
    random order do that at one place in 324,632 (816). One hard batch is none. It must rise by
    `min_of_first` of the run's first level (0.1): below that it costs nothing. A spike that came
    back is information. It is a warning where gradient norms were `min_norm` times their median
    before (2), which tells a shaken model from harder rows, and all spikes together cost more than
    `max_cost` of the steps (0.05) or the loss has not come back; so it is where an evaluation after
    the spike is worse than the one before.

    ## Example
    0.42, 0.40, then 3.1, 2.8, 2.2, 1.7 ... and back at 0.43 after 180 steps.

    ## Fix
    Clip gradients at 1, lower the learning rate or lengthen the warm-up, and look at the rows of
    the first step of the spike.

    ## When it is wrong
    When harder rows come on purpose, as in a curriculum; then gradients hardly grow.

    ## Sources
    Fault O01 of the catalogue. The ranks are counting; the other bounds are judgements.
    """
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    single = trace.column("step_loss").finite
    losses = single if len(single) else training_loss(trace)
    apart = float(np.median(np.diff(losses.steps))) if len(losses) > 1 else 0.0
    window, in_a_row = (15, 3) if apart >= RARE else (30, 5)
    if len(losses) < window + in_a_row:
        message = f"it takes {window + in_a_row} losses"
        raise NotApplicableError(message)
    least = min_of_first * start_level(losses.values)
    found = [
        spike
        for spike in excursions(losses.values, window=window, in_a_row=in_a_row)
        if losses.values[spike.peak] - spike.base >= least
    ]
    if not found:
        return
    worst = max(found, key=lambda spike: losses.values[spike.peak] - spike.base)
    lost = next((spike for spike in found if not spike.back), None)
    told = lost or worst
    cost = sum(int(losses.steps[s.last] - losses.steps[s.first - 1]) for s in found)
    shaken = any(_norms_grew(trace, losses, spike, min_norm) for spike in found)
    serious = shaken and (lost is not None or cost > max_cost * trace.last_step)
    first, last = int(losses.steps[told.first]), int(losses.steps[told.last])
    back = f"and was back after {last - first + 1:,}" if told.back else "and has not come back"
    more = f"; {counted(len(found), 'spike')} in all" if len(found) > 1 else ""
    yield Finding(
        message=(
            f"loss leapt from {told.base:.3g} to {losses.values[told.peak]:.3g} at step "
            f"{int(losses.steps[told.peak]):,} {back} steps{more}"
            if told.back
            else f"loss leapt from {told.base:.3g} to {losses.values[told.peak]:.3g} at step "
            f"{int(losses.steps[told.peak]):,} {back}{more}"
        ),
        where=(Steps(metric="loss", first=first, last=last),),
        evidence=(
            evidence("loss", losses, *(_mark(losses, spike) for spike in found)),
            Number(
                name="steps in spikes",
                value=100 * cost / max(1, trace.last_step),
                unit="%",
                bound=f"at most {100 * max_cost:.0f} %",
            ),
            *((evidence("grad_norm", norms),) if len(norms := trace.column("grad_norm")) else ()),
        ),
        impact=f"{counted(cost, 'step')} went into repairing what was already learned",
        fixes=(
            Fix(
                title="clip gradients at 1, lower the learning rate or warm up longer, and look at "
                f"the rows of step {first:,}",
                safety=Safety.MANUAL,
            ),
        ),
        severity=None if serious or _evaluation_worse(trace, first, last) else Severity.INFO,
    )


def _mark(losses: Column, spike: Excursion) -> Mark:
    return Mark(
        step=int(losses.steps[spike.first]), last=int(losses.steps[spike.last]), text="spike"
    )


def _norms_grew(trace: Trace, losses: Column, spike: Excursion, min_norm: float) -> bool:
    """Whether the gradient norm at the spike's beginning was far above its median before."""
    norms = trace.column("grad_norm").finite
    began = int(losses.steps[spike.first])
    before = norms.values[norms.steps < began][-30:]
    # The step before the leap is the one that threw the weights off.
    inside = norms.values[
        (norms.steps >= int(losses.steps[spike.first - 1]))
        & (norms.steps <= int(losses.steps[spike.last]))
    ][:10]
    if len(before) < 5 or len(inside) < 2:  # noqa: PLR2004  too few to compare
        return False
    return float(np.median(inside)) >= min_norm * float(np.median(before))


def _evaluation_worse(trace: Trace, first: int, last: int) -> bool:
    """Whether the first evaluation after the spike is a tenth above the last one before it."""
    judged = trace.column("eval_loss").finite
    before, after = judged.values[judged.steps < first], judged.values[judged.steps >= last]
    return bool(len(before) and len(after) and after[0] > 1.1 * before[-1])
