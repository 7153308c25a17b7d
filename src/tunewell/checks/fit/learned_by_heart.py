"""FIT042: loss that falls at the borders of epochs and not within them."""

from __future__ import annotations

import itertools
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
from tunewell.facts.curves import (
    Change,
    difference,
    evidence,
    is_reward_training,
    start_level,
    training_loss,
    trend,
)
from tunewell.facts.epochs import Pass, passes, steps_a_pass
from tunewell.subjects.trace import Column, Trace

MOST = 20
"""Points on each side of a border, at most."""


@check(
    "FIT042",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("O25",),
)
def learned_by_heart(
    trace: Trace,
    *,
    min_drop: float = 0.05,
    min_points: int = 6,
    max_within: float = 0.5,
    min_eval_rise: float = 0.05,
) -> Iterator[Finding]:
    """Training loss that steps down where an epoch begins and stays level within it.

    ## What it finds
    A run whose loss drops at the borders of epochs by more than it falls within them.

    ## Why it matters
    A loss that falls because the same rows come again is a loss of rows that are remembered. It is
    often harmless for one or two epochs; where evaluation gets worse at the same time the model is
    overfitted.

    ## How it is measured
    For each border between two epochs with `min_points` logs each (6): the mean of the last logs
    before against that of the first after, up to 20 a side, with Welch's interval. The mean drop
    must be at least `min_drop` of the level (0.05, as the catalogue has it), more than three times
    its standard error, and the mean change within the epochs after the first border at most
    `max_within` of it (0.5). A level below a twentieth of the first one is not looked at. It is
    information; it becomes a warning where evaluation loss has risen by `min_eval_rise` (0.05)
    since its lowest, and by a fiftieth of the first training loss, with the lowest before the last
    border and the last two evaluations above it.

    ## Example
    1.21 all through the first epoch, 0.93 through the second, 0.62 through the third.

    ## Fix
    One to three epochs, or early stopping; more rows or a smaller adapter.

    ## When it is wrong
    When every epoch has its own kind of rows.

    ## Sources
    Fault O25 of the catalogue.
    """
    single = trace.column("step_loss").finite
    losses = single if len(single) else training_loss(trace)
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    parts = passes(trace, losses, min_points)
    pairs = [(a, b) for a, b in itertools.pairwise(parts) if b.number == a.number + 1]
    length = steps_a_pass(trace)
    if not pairs or length is None:
        message = f"it takes two epochs with {min_points} logged losses each"
        raise NotApplicableError(message)
    drops = [_drop(losses, before, after) for before, after in pairs]
    if any(drop is None for drop in drops):
        return
    known = [drop for drop in drops if drop is not None]
    drop = -float(np.mean([one.value for one in known]))
    error = float(np.sqrt(sum(((one.high - one.low) / 4) ** 2 for one in known))) / len(known)
    level = float(np.mean([losses.values[before.places].mean() for before, _ in pairs]))
    within = [
        change.value
        for part in {after.number: after for _, after in pairs}.values()
        if (change := trend(Column(losses.steps[part.places], losses.values[part.places])))
    ]
    inside = -float(np.mean(within)) if within else 0.0
    began = start_level(losses.values)
    if drop < max(min_drop * level, 3 * error) or level < began / 20 or inside > max_within * drop:
        return
    border = round(length * pairs[-1][1].number)
    worse = _evaluation_rose(trace, border, min_eval_rise, began / 50)
    yield Finding(
        message=(
            f"training loss falls by {100 * drop / level:.0f} % where an epoch begins and by "
            f"{100 * max(inside, 0) / level:.0f} % within one: rows are learned by heart{worse}"
        ),
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence(
                "loss",
                losses,
                *(
                    Mark(step=round(length * after.number), text=f"epoch {after.number + 1}")
                    for _, after in pairs[:10]
                ),
            ),
            Number(
                name="drop at the border of epochs",
                value=100 * drop / level,
                low=100 * (drop - 2 * error) / level,
                high=min(100 * (drop + 2 * error) / level, 100.0),
                unit="%",
                bound=f"below {100 * min_drop:.0f} %",
            ),
        ),
        impact="the training loss says more about memory than about the task",
        fixes=(
            Fix(
                title="train one to three epochs, or stop early by the evaluation",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.WARNING if worse else Severity.INFO,
    )


def _drop(losses: Column, before: Pass, after: Pass) -> Change | None:
    size = int(np.clip(min(len(before.places), len(after.places)) // 2, 3, MOST))
    return difference(
        losses.values[before.places[-size:]], losses.values[after.places[:size]], level=0.95
    )


def _evaluation_rose(trace: Trace, border: int, min_rise: float, least: float) -> str:
    judged = trace.column("eval_loss").finite
    if len(judged) < 3:  # noqa: PLR2004  the lowest and two after it
        return ""
    best = int(judged.values.argmin())
    low, late = float(judged.values[best]), judged.values[-2:]
    risen = float(late.min()) >= low + max(min_rise * low, least) and best < len(judged) - 2
    if not risen or int(judged.steps[best]) > border:
        return ""
    return f", while evaluation loss rose from {low:.3g} to {judged.values[-1]:.3g}"
