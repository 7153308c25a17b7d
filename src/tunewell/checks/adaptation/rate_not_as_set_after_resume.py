"""ADA030: the learning rate that was set for a resumed run is not the one it takes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
    Table,
)
from tunewell.facts.curves import evidence
from tunewell.facts.restarts import HELD, changed, planned_rates, require_restarts, sides
from tunewell.subjects.trace import Column, Restart, Trace


@check("ADA030", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("S18",))
def rate_not_as_set_after_resume(
    trace: Trace, *, max_off: float = 0.02, min_change: float = 0.1
) -> Iterator[Finding]:
    """A run was resumed with another learning rate, and goes on with the old one.

    ## What it finds
    A resumed run whose `learning_rate` was changed, and whose logged rates are still those of the
    checkpoint.

    ## Why it matters
    The change was the reason to resume, and nothing says that it was not made: the checkpoint's
    optimizer and scheduler bring their own rate, and so their weight decay and betas.

    ## How it is measured
    Of runs whose log holds the settings of both parts, as the watcher's does, where the two rates
    differ by `min_change` of the old one (0.1). For linear, cosine and constant schedules each rate
    logged after the restart is divided by what the new settings plan at that step or the one before
    it (the Trainer logs either): the median must lie within `max_off` (0.02) of old rate / new
    rate, so the schedule has the old peak. For other schedules the first rate after the restart
    must lie within a third of the change, by its logarithm, of the last one before it.

    ## Example
    Trained at 5e-4, resumed with `learning_rate=5e-5`: 2.4e-4 is logged after it.

    ## Fix
    Load the checkpoint's weights as the model of a new run, with a short warm-up.

    ## When it is wrong
    When a callback sets the rates of the optimizer itself.

    ## Sources
    transformers issue 9099; `LRScheduler.load_state_dict` restores `base_lrs`. Fault S18 of the
    catalogue, reproduced with transformers 5.23.
    """
    known = [r for r in require_restarts(trace) if r.previous and r.settings]
    if not known:
        reason = "the log does not hold the settings of both parts of the run"
        raise NotApplicableError(reason)
    for restart in known:
        rates = changed(restart, ("learning_rate",)).get("learning_rate")
        if rates is None or not all(isinstance(r, int | float) and r > 0 for r in rates):
            continue
        old, new = map(float, rates)
        around = sides(trace, restart, "learning_rate")
        if abs(new - old) < min_change * old or not len(around.after):
            continue
        planned = _planned(trace, restart, around.after)
        if planned is None:
            held = _goes_on(around.before, around.after, old, new)
        else:
            ratio = _ratio(around.after, planned)
            held = ratio is not None and abs(math.log(ratio * new / old)) < max_off
        if held:
            yield _finding(trace, restart, old=old, new=new, after=around.after)
            return


def _planned(
    trace: Trace, restart: Restart, after: Column
) -> tuple[np.ndarray, np.ndarray] | None:  # both of shape (n,)
    """What the new settings plan after as many updates as the step says, and one fewer."""
    both = [planned_rates(restart.settings, after.steps - less, trace.max_steps) for less in (0, 1)]
    if both[0] is None or both[1] is None:
        return None
    return both[0], both[1]


def _ratio(after: Column, planned: tuple[np.ndarray, np.ndarray]) -> float | None:
    """The logged rates against the planned ones; of the two readings the steadier counts."""
    best: tuple[float, float] | None = None
    for plan in planned:
        keep = (plan > 0) & (after.values > 0)
        if keep.any():
            logs = np.log(after.values[keep] / plan[keep])
            found = (float(logs.std()), float(np.exp(np.median(logs))))
            best = found if best is None or found[0] < best[0] else best
    return None if best is None else best[1]


def _goes_on(before: Column, after: Column, old: float, new: float) -> bool:
    if not len(before) or before.values[-1] <= 0 or after.values[0] <= 0:
        return False
    step = math.log(after.values[0] / before.values[-1])
    return abs(step) < abs(math.log(new / old)) / 3


def _finding(trace: Trace, restart: Restart, *, old: float, new: float, after: Column) -> Finding:
    others = changed(restart, HELD)
    also = f"; {', '.join(others)} of the checkpoint hold as well" if others else ""
    return Finding(
        message=(
            f"the run was resumed at step {restart.step:,} with learning_rate {new:.3g} in place "
            f"of {old:.3g}, and goes on with the checkpoint's: {after.values[0]:.3g} at step "
            f"{int(after.steps[0]):,}{also}"
        ),
        where=(
            Steps(metric="learning_rate", first=int(after.steps[0]), last=int(after.steps[-1])),
        ),
        evidence=(
            Number(name="peak of the schedule", value=old, bound=f"{new:.3g}, as it was set"),
            evidence(
                "learning_rate",
                trace.column("learning_rate"),
                Mark(step=restart.step, text="resumed"),
            ),
            Table(
                name="settings that were changed",
                columns=("setting", "before", "after"),
                rows=tuple(
                    (name, str(pair[0]), str(pair[1]))
                    for name, pair in {"learning_rate": (old, new), **others}.items()
                ),
                total=1 + len(others),
            ),
        ),
        impact="what the run was resumed for was not done",
        fixes=(
            Fix(
                title="load the checkpoint's weights as the model of a new run, with the new rate "
                "and a short warm-up",
                safety=Safety.MANUAL,
            ),
        ),
    )
