"""FIT003: loss that rises above where it began and stays there."""

from __future__ import annotations

import math
from collections.abc import Iterator

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
    end_level,
    evidence,
    is_reward_training,
    smooth,
    start_level,
    training_loss,
)
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace


@check(
    "FIT003",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    covers=("O01",),
)
def divergence(
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_rise: float = 0.2,
    min_fall: float = 0.3,
    min_above: float = 0.9,
    min_points: int = 8,
) -> Iterator[Finding]:
    """Training loss that rises well above its early level and does not come back.

    ## What it finds
    A run whose loss ends well above where it began, that had learned and lost it all again, or, for
    a classifier, that ends well above what guessing costs.

    ## Why it matters
    The weights have left the region where the pretrained model was any good. More steps do not
    bring them back.

    ## How it is measured
    On the running median of five logged losses, so a short spike does not count. Either the last
    level lies above the first by `min_rise` of it (0.2), with `min_above` of the later half of the
    run above the first level (0.9; scatter around one level gives about half), or the loss had
    fallen by `min_fall` (0.3) and is back at 95 % of its first level; or, where the number of
    classes is known, the last level and `min_above` of the later half lie `min_rise` above
    ln(classes): a model that knows nothing does better. At least `min_points` logs (8). Runs that
    log rewards are left out: their loss starts near 0. The values were set on the first 22 runs in
    tests/fixtures/runs, of which one diverged; confidence is medium until more runs that diverged
    have been seen.

    ## Example
    2.1, 1.4, 0.9, then 6.3, 5.9, 6.1 to the end.

    ## Fix
    A tenth of the learning rate, with warm-up and gradient clipping.

    ## When it is wrong
    When the task itself changes during the run, as in a curriculum.

    ## Sources
    Fault O01 of the catalogue.
    """
    losses = training_loss(trace)
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    if len(losses) < min_points or start_level(losses.values) <= 0:
        message = f"it takes {min_points} logged losses above 0"
        raise NotApplicableError(message)
    curve = smooth(losses.values)
    first, last = start_level(losses.values), end_level(curve)
    best = int(curve.argmin())
    above = float((losses.values[len(losses) // 2 :] > first).mean())
    rose = last - first >= min_rise * first and above >= min_above
    lost = curve[best] <= (1 - min_fall) * first and last >= 0.95 * first
    worse = False
    if trace.classes is not None and trace.classes > 1:
        ceiling = (1 + min_rise) * math.log(trace.classes)
        late = losses.values[len(losses) // 2 :]
        worse = last >= ceiling and float((late >= ceiling).mean()) >= min_above
    if not (rose or lost or worse):
        return
    step = int(losses.steps[best])
    yield Finding(
        message=(
            f"training loss began at {first:.3g}, was {curve[best]:.3g} at step {step:,} and ended "
            f"at {last:.3g}{_guessing(trace.classes) if worse else ''}: the run diverged"
        ),
        where=(Steps(metric="loss", first=step, last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses, Mark(step=step, text="lowest loss")),
            Number(
                name="last loss against the first",
                value=100 * last / first,
                unit="%",
                bound=f"below {100 * (1 + min_rise):.0f} %",
            ),
        ),
        impact="what was learned is lost; steps from here on are wasted",
        fixes=_fixes(recipe),
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
