"""FIT041: training loss that did not fall by more than its own scatter."""

from __future__ import annotations

import math
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
from tunewell.facts.curves import (
    difference,
    end_level,
    evidence,
    is_reward_training,
    training_loss,
    trend,
)
from tunewell.facts.layers import longest_path
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

GUESSING = 0.85
"""Above this share of ln(classes) a finished classifier is FIT002's."""


@check(
    "FIT041",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O05",),
)
def loss_never_fell(  # noqa: PLR0913  each is an option
    trace: Trace,
    recipe: Recipe | None,
    *,
    max_fall: float = 0.05,
    min_points: int = 12,
    min_steps: int = 50,
    min_of_guess: float = 0.5,
    max_path: float = 0.002,
    min_share: float = 1 / 3,
) -> Iterator[Finding]:
    """Training loss that stays where it began, by an interval of the run's own scatter.

    ## What it finds
    A run whose loss cannot have fallen by more than a few per cent, and what speaks for a cause.

    ## Why it matters
    Nothing is learned, and every further step costs as much as this one.

    ## How it is measured
    The 95 % interval of the loss's trend, from the run's own scatter: at most `max_fall` of the
    level (0.05) may have been gained, the first tenth must not lie above the rest, and no single
    log among the first three may lie a third above the end: a quick fall is a fall. An interval too
    wide to exclude a fall is no finding. At least `min_points` logs (12) over `min_steps` steps
    (50), so that too few steps are not called a plateau.

    While the run goes on, `min_share` of its planned steps must be behind it (a third): of 53
    healthy and undecided runs 3 stood still at 12 to 22 % of their steps, in warm-up and just after
    it, and none after 24 %.

    A model that already knows its rows looks the same, so it is information, unless something else
    says that it does not learn: a classifier above `min_of_guess` of ln(classes) (0.5), or weights
    that cannot have moved by more than `max_path` of themselves over the whole run (0.002: Adam at
    1e-5 can move weights of size 0.04 by 0.025 in 100 steps), as the watcher's update ratios sum
    up. A learning rate of 0 is left to the check for it, and a finished classifier near guessing to
    the check for underfitting.

    ## Example
    Ten classes, loss 2.29 to 2.31 over 400 steps: it fell by 0.0 % (-0.4 % to 0.5 %).

    ## Fix
    Raise the learning rate tenfold, and look at whether labels and texts belong together.

    ## When it is wrong
    When the model was fine-tuned on the same kind of rows before, and labels are too noisy for a
    lower loss.

    ## Sources
    Fault O05 of the catalogue; the trend's interval is Sen's (1968).
    """
    losses = training_loss(trace)
    rates = trace.column("learning_rate").finite
    if is_reward_training(trace) or (len(rates) and not np.any(rates.values)):
        message = "the run logs rewards, or its learning rate is 0 throughout"
        raise NotApplicableError(message)
    if len(losses) < min_points or losses.steps[-1] - losses.steps[0] < min_steps:
        message = f"it takes {min_points} logged losses over {min_steps} steps"
        raise NotApplicableError(message)
    if not trace.finished and trace.last_step < min_share * (trace.max_steps or 0):
        message = f"{100 * min_share:.0f} % of the planned steps must be behind the run"
        raise NotApplicableError(message)
    level, last = float(np.median(losses.values)), end_level(losses.values)
    whole = trend(losses)
    if whole is None or level <= 0 or -whole.low > max_fall * level or _fell_early(losses, last):
        return
    guess = math.log(trace.classes) if trace.classes and trace.classes > 1 else None
    if guess is not None and trace.finished and last > GUESSING * guess:
        return
    moved = longest_path(trace)
    still = moved is not None and moved <= max_path
    unlearned = guess is not None and level >= min_of_guess * guess
    why = ""
    if still:
        why = f"; its weights cannot have moved by more than {100 * (moved or 0):.2g} %"
    elif unlearned and guess is not None:
        why = f"; guessing costs {guess:.3g}"
    yield Finding(
        message=(
            f"training loss did not fall in {int(losses.steps[-1]):,} steps: it stays at "
            f"{level:.3g}, and at most {100 * max(-whole.low, 0) / level:.1f} % can have been "
            f"gained{why}"
        ),
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses),
            Number(
                name="fall of the loss",
                value=-100 * whole.value / level,
                low=-100 * whole.high / level,
                high=-100 * whole.low / level,
                unit="%",
                bound=f"above {100 * max_fall:.0f} %",
            ),
        ),
        impact="nothing is learned" if still or unlearned else "the steps may change nothing",
        fixes=_fixes(recipe),
        severity=None if still or unlearned else Severity.INFO,
    )


def _fell_early(losses: Column, last: float) -> bool:
    """Whether the first logs lie above the rest: the fall was over before a trend could see it."""
    tenth = max(3, len(losses) // 10)
    early = difference(losses.values[:tenth], losses.values[tenth:], level=0.9)
    return bool(losses.values[:3].max() > 4 / 3 * last) or (early is not None and early.falls)


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "raise the learning rate tenfold, and look at whether labels fit their texts"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edit = change(recipe, "learning_rate", 10 * recipe.learning_rate)
    return (Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)),)
