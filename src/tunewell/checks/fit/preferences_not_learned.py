"""FIT072: a run over preferences whose loss stays where it began."""

from __future__ import annotations

from collections.abc import Iterator

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
from tunewell.facts.curves import evidence, training_loss
from tunewell.facts.preference_runs import Preferences, far_enough, late, preferences
from tunewell.facts.recipe import change as edit
from tunewell.stats.levels import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

CHANCE = 0.5


@check(
    "FIT072",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def preferences_not_learned(
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_fall: float = 0.001,
    min_fall_at_chance: float = 0.01,
    min_points: int = 12,
) -> Iterator[Finding]:
    """A run over preferences whose loss and margin stay where they began.

    ## What it finds
    DPO whose loss stays at ln 2 = 0.693, KTO at 0.5, or a reward model at chance, half of the run
    or more through.

    ## Why it matters
    The model is what it was. The rate is too small, nothing is trained, or the pairs hold nothing
    that can be learned.

    ## How it is measured
    The mean loss of the last third of the logs against that of the first third. Its fall must lie
    below `min_fall` of the first with its whole 95 % interval (0.001: near ln 2 that is a margin of
    0.0014), or, where the accuracy of the last third has 0.5 in its interval, below
    `min_fall_at_chance` (0.01), so that a loss too noisy to tell is left alone. A reference or a
    reward model must be there, by which the start is at chance. At least `min_points` logs (12) and
    half of the planned steps, of which the last third lies after the warm-up: the learning rate
    must have been at its highest before. With 0.01 throughout, two slow and healthy runs of 60 were
    called dead half-way.

    ## Example
    Loss 0.6931 to 0.6931 over 80 steps; margins of 0.0000002 at a rate of 1e-9.

    ## Fix
    Raise the learning rate, look whether the adapter is trained (FIT005 tells), and read some
    pairs: are they told apart by something the model can see?

    ## When it is wrong
    When the first third had already brought all there was. A loss that fell and came back is for
    FIT003 to tell.

    ## Sources
    ln 2 is the loss of a margin of 0; for KTO it is 1 - sigmoid(0) = 0.5. No fault of the
    catalogue.
    """
    pairs, losses = preferences(trace), training_loss(trace)
    if not pairs.centred:
        message = "without a reference model the loss does not begin at chance"
        raise NotApplicableError(message)
    if len(losses) < min_points or not len(pairs.margin):
        message = f"it takes {min_points} logged losses, and margins"
        raise NotApplicableError(message)
    if not far_enough(trace) or _still_warming_up(trace):
        message = "the run is not half done, or still warms up"
        raise NotApplicableError(message)
    fall = change(losses.values)
    first = fall.first.mean
    start = float(losses.values[0])
    bound = min_fall_at_chance if _at_chance(pairs) else min_fall
    if first <= 0 or -fall.low >= bound * first:
        return
    # What the first third brought counts as well: a run may have learned all by then.
    if first < (1 - 2 * min_fall_at_chance) * start or fall.rose:
        return
    yield Finding(
        message=(
            f"loss is where it began: {start:.4g} at first, {fall.last.mean:.4g} in the last third"
            f"{_told(pairs)}"
        ),
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses),
            evidence("margin", pairs.margin),
            Number(
                name="fall of the loss",
                value=-100 * fall.by / first,
                unit="%",
                bound=f"at least {100 * bound:g} %",
                low=-100 * fall.high / first,
                high=-100 * fall.low / first,
            ),
        ),
        impact="the model is what it was before the run",
        fixes=_fixes(recipe),
    )


def _at_chance(pairs: Preferences) -> bool:
    if not len(pairs.accuracy):
        return False
    right = late(pairs.accuracy)
    return right.low <= CHANCE <= right.high


def _still_warming_up(trace: Trace) -> bool:
    rates = trace.column("learning_rate").finite
    if not len(rates):
        return False
    return int(rates.steps[rates.values.argmax()]) > trace.last_step * 2 / 3


def _told(pairs: Preferences) -> str:
    if len(pairs.accuracy):
        right = late(pairs.accuracy)
        return (
            f"; accuracy there is {right.mean:.2f} ({max(right.low, 0):.2f} to "
            f"{min(right.high, 1):.2f}) and the margin {late(pairs.margin).mean:.2g}"
        )
    return f"; the margin there is {late(pairs.margin).mean:.2g}"


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    if recipe is None:
        title = "raise the learning rate, and look whether anything is trained"
        return (Fix(title=title, safety=Safety.MANUAL),)
    new = 10 * recipe.learning_rate
    edits = (edit(recipe, "learning_rate", new),)
    return (Fix(title=f"raise the learning rate to {new:g}", safety=Safety.UNSAFE, edits=edits),)
