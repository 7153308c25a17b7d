"""FIT003: loss that rises above where it began and stays there."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

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
    Values,
    binned,
    difference,
    end_level,
    evidence,
    higher,
    is_reward_training,
    noise,
    smooth,
    start_level,
    training_loss,
)
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

MOST = 1000
"""Points of a curve beyond which means of neighbours tell as much, and sooner."""


@check(
    "FIT003",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    covers=("O01",),
)
def divergence(  # noqa: PLR0913  each is an option
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_rise: float = 0.2,
    min_fall: float = 0.3,
    min_above: float = 0.9,
    min_jump: float = 1.0,
    max_chance: float = 0.02,
    min_points: int = 8,
    min_share: float = 1 / 3,
) -> Iterator[Finding]:
    """Training loss that rises well above its early level and does not come back.

    ## What it finds
    A run whose loss ends well above where it began, that had learned and lost it all again, that
    lay far above its start for half of the run, or, for a classifier, that ends well above what
    guessing costs.

    ## Why it matters
    The weights have left the region where the pretrained model was any good. More steps do not
    bring them back.

    ## How it is measured
    On the running median of five logged losses (means of blocks where there are more than 1,000),
    so a short spike does not count. One of four:

    - the last level lies above the first by `min_rise` of it (0.2), with `min_above` of the later
      half of the run above the first level (0.9; scatter around one level gives about half), and
      the later half is higher than the first third by ranks and means, with a chance of
      `max_chance` (0.02: the middle of three first logs lies below nine tenths of a level run once
      in 36 runs);
    - the loss had fallen by `min_fall` (0.3) and is back at 95 % of its first level, by the same
      test at a quarter of the chance;
    - it rose by `min_jump` of the lowest of its first three logs (1.0: to twice as much) and by six
      times the scatter of its logarithm, and lay above that for at least half of the logs;
    - the number of classes is known, and the last level and `min_above` of the later half lie
      `min_rise` above ln(classes): a model that knows nothing does better. While the run goes on it
      must have passed `min_share` of its planned steps (a third) and lie no lower than it began: a
      loss summed over accumulated batches begins at a multiple, and a sound run comes down.

    At least `min_points` logs (8). Runs that log rewards are left out: their loss starts near 0. On
    level runs of 12 to 1,000 logs made by chance (normal, exponential and lognormal scatter, and
    values that resemble their neighbours) it spoke on at most 2 in 100, and on 5 in 100 where 12
    logs resembled their neighbours by 0.7.

    ## Example
    2.1, 1.4, 0.9, then 6.3, 5.9, 6.1 to the end.

    ## Fix
    A tenth of the learning rate, with warm-up and gradient clipping.

    ## When it is wrong
    When the task itself changes during the run, as in a curriculum.

    ## Sources
    Fault O01 of the catalogue.
    """
    losses = binned(training_loss(trace), MOST)
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    if len(losses) < min_points or start_level(losses.values) <= 0:
        message = f"it takes {min_points} logged losses above 0"
        raise NotApplicableError(message)
    curve = smooth(losses.values)
    first, last = start_level(losses.values), end_level(curve)
    best = int(curve.argmin())
    third, late = losses.values[: len(losses) // 3], losses.values[len(losses) // 2 :]
    rose = (
        last - first >= min_rise * first
        and float((late > first).mean()) >= min_above
        and _surely(third, late, max_chance)
    )
    width = max(6, len(losses) // 10)
    windows = sliding_window_view(losses.values, width)
    lowest = windows[int(np.median(windows, axis=1).argmin())]
    lost = (
        float(np.median(lowest)) <= (1 - min_fall) * first
        and last >= 0.95 * first
        and _surely(lowest, losses.values[-width:], max_chance / 4)
        and _surely(lowest, losses.values[: len(losses) // 10], 1 / 2)
    )
    far = _lay_far_above(losses.values, min_jump)
    worse = False
    settled = trace.finished or (
        last >= first and trace.last_step >= min_share * (trace.max_steps or 0)
    )
    if settled and trace.classes is not None and trace.classes > 1:
        ceiling = (1 + min_rise) * math.log(trace.classes)
        worse = last >= ceiling and float((late >= ceiling).mean()) >= min_above
    if not (rose or far or lost or worse):
        return
    # Where it only lies above its start for long, the peak tells more than the lowest point.
    best = best if rose or lost or worse else int(curve.argmax())
    step = int(losses.steps[best])
    ends = "ended at" if trace.finished else "is now"
    guessing = _guessing(trace.classes) if worse else ""
    yield Finding(
        message=(
            f"training loss began at {first:.3g}, was {curve[best]:.3g} around step {step:,} and "
            f"{ends} {last:.3g}{guessing}: the run diverged"
        ),
        where=(Steps(metric="loss", first=step, last=int(losses.steps[-1])),),
        evidence=(
            evidence(
                "loss",
                losses,
                Mark(step=step, text="lowest loss" if curve[best] < first else "highest loss"),
            ),
            _measured(first, last, min_rise, trace.classes if worse and not rose else None),
        ),
        impact="what was learned is lost; steps from here on are wasted",
        fixes=_fixes(recipe),
    )


def _lay_far_above(values: Values, min_jump: float) -> bool:
    """Whether the run rose far above its first logs and lay above them for half of its logs."""
    began = float(values[:3].min())
    if values.min() <= 0:
        return False
    curve = smooth(values, max(5, len(values) // 10))
    # On the logarithm: a heavy tail is then no more than a wide scatter.
    jump = max(math.log1p(min_jump), 6 * noise(np.log(values)))
    return math.log(float(curve.max()) / began) >= jump and float((curve > began).mean()) >= 1 / 2


def _surely(before: Values, after: Values, chance: float) -> bool:
    """Whether `after` is higher both by ranks, for heavy tails, and by means of related values."""
    apart = difference(before, after, level=1 - chance)
    return higher(before, after) <= chance and (apart is None or apart.rises)


def _measured(first: float, last: float, min_rise: float, classes: int | None) -> Number:
    """The last level against the first, or against guessing among so many classes."""
    against, name = (
        (first, "the first") if classes is None else (math.log(classes), "that of guessing")
    )
    return Number(
        name=f"last loss against {name}",
        value=100 * last / against,
        unit="%",
        bound=f"below {100 * (1 + min_rise):.0f} %",
    )


def _guessing(classes: int | None) -> str:
    return f", where guessing costs {math.log(classes or 2):.3g}"


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "a tenth of the learning rate, with warm-up and gradient clipping at 1"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = [change(recipe, "learning_rate", recipe.learning_rate / 10)]
    if recipe.warmup_ratio == 0:
        edits.append(change(recipe, "warmup_ratio", 0.1))
    if not 0 < recipe.max_grad_norm <= 1:
        edits.append(change(recipe, "max_grad_norm", 1.0))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
