"""HYP050: the run's own shape says that its learning rate was too low."""

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
from tunewell.facts.curves import evidence, is_reward_training, start_level, training_loss, trend
from tunewell.facts.layers import longest_path
from tunewell.facts.recipe import change
from tunewell.facts.schedules import by_rate
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace


@check(
    "HYP050",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O02", "O05"),
)
def learning_rate_too_low(
    trace: Trace,
    recipe: Recipe | None,
    *,
    max_path: float = 0.05,
    max_fall: float = 0.3,
    max_slowing: float = 0.2,
    min_steps: int = 50,
) -> Iterator[Finding]:
    """A loss that falls in a straight line while the weights hardly move.

    ## What it finds
    A run whose loss falls as fast at its end as at its beginning, little in all, and whose weights
    cannot have moved by more than five per cent.

    ## Why it matters
    A loss that still falls in a straight line has not met anything that is hard to learn: the run
    spent its steps on a small part of the way. A higher rate gets further in the same time.

    ## How it is measured
    Over the sum of learning rates instead of steps, as a rate that decays flattens every curve:
    the trend of the last two thirds of the run's losses against that of its first two thirds, each
    with its 95 % interval from the run's scatter: both fall surely, and the later one is at least
    1 - `max_slowing` of the earlier (0.2: an exponential fall keeps 0.8 of its slope by this
    measure when it has covered half of its way). The whole fall is at most `max_fall` of the first
    loss (0.3). With the watcher's samples no layer may have a path of more than `max_path` of its
    weights (0.05), the sum of all update ratios as if each step went the same way: it is a warning
    then. A log without them gives information. At least `min_steps` steps (50).

    ## Example
    Loss 2.08, 2.05, 2.02, 1.99; weights moved by at most 0.2 %.

    ## Fix
    Three to ten times the learning rate.

    ## When it is wrong
    When the run is the beginning of a long one, or the first part of a long warm-up.

    ## Sources
    Faults O02 and O05 of the catalogue.
    """
    losses = training_loss(trace)
    rates = trace.column("learning_rate").finite
    if is_reward_training(trace) or (len(rates) and not np.any(rates.values)):
        message = "the run logs rewards, or its learning rate is 0 throughout"
        raise NotApplicableError(message)
    if len(losses) < 12 or losses.steps[-1] < min_steps or not trace.finished:  # noqa: PLR2004
        message = f"it takes a finished run of {min_steps} steps with 12 logged losses"
        raise NotApplicableError(message)
    curve = by_rate(trace, losses)
    third, rest = curve.steps[-1] / 3, 2 * curve.steps[-1] / 3
    early = trend(Column(curve.steps[curve.steps <= rest], curve.values[curve.steps <= rest]))
    late = trend(Column(curve.steps[curve.steps >= third], curve.values[curve.steps >= third]))
    whole, first = trend(losses), start_level(losses.values)
    if early is None or late is None or whole is None or first <= 0:
        return
    straight = early.falls and late.falls and late.value <= (1 - max_slowing) * early.value
    moved = longest_path(trace)
    if not straight or -whole.low > max_fall * first or (moved is not None and moved > max_path):
        return
    weights = (
        "" if moved is None else f"; its weights cannot have moved by more than {100 * moved:.2g} %"
    )
    yield Finding(
        message=(
            f"training loss falls in a straight line, by {-100 * whole.value / first:.1f} % in "
            f"{trace.last_step:,} steps{weights}: the learning rate is low"
        ),
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses),
            Number(
                name="fall of the loss",
                value=-100 * whole.value / first,
                low=-100 * whole.high / first,
                high=-100 * whole.low / first,
                unit="%",
            ),
            *(
                (
                    Number(
                        name="longest way of a layer's weights",
                        value=100 * moved,
                        unit="%",
                        bound=f"above {100 * max_path:g} %",
                    ),
                )
                if moved is not None
                else ()
            ),
        ),
        impact="the same steps at a higher rate would get further",
        fixes=_fixes(recipe),
        severity=Severity.INFO if moved is None else None,
    )


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "three times the learning rate, or more"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edit = change(recipe, "learning_rate", 3 * recipe.learning_rate)
    return (Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)),)
