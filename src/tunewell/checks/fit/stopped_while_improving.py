"""FIT006: a run that ended while its loss was still falling fast."""

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
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence, is_reward_training, noise, start_level, training_loss
from tunewell.facts.recipe import change
from tunewell.facts.schedules import by_rate
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

LITTLE = 0.05
"""A classifier below this share of ln(classes) has nothing left that more steps would bring."""

LEFT = 0.1
"""Share of the first loss that must be left where the pace alone speaks for more steps."""

EVALUATIONS = 3
"""Fewer evaluations show no slope at the end."""


@check(
    "FIT006",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def stopped_while_improving(
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_share: float = 0.15,
    min_gain: float = 0.05,
    min_pace: float = 0.69,
    min_points: int = 9,
) -> Iterator[Finding]:
    """A run that ended while its loss was still falling fast.

    ## What it finds
    A finished run whose last third still brought a large share of all that it learned.

    ## Why it matters
    The model had more to learn from the same rows. Every other setting looks worse than it is on a
    run that was cut short.

    ## How it is measured
    The fall of the evaluation loss over the last third of the steps, against the whole fall since
    the first training losses. The last evaluation must be the best; the late fall must be at least
    `min_share` of the whole (0.15), at least `min_gain` of the loss that is left (0.05) and three
    times the curve's own noise. Loss that nears its floor exponentially brings 0.15 of its fall in
    the last third when two time constants have passed and 0.33 when it has hardly begun; a
    twentieth is taken as the least gain that is worth a second run. Both numbers were set by this
    arithmetic before any run was looked at.

    A learning rate that was brought to 0 flattens the end of any run. There a smaller share counts
    too, if a tenth of the first loss is left and the late fall for each unit of the sum of learning
    rates is still `min_pace` of that of the whole run (0.69: by the same arithmetic less than half
    of the way was covered; healthy runs in tests/fixtures/runs reach 0.53). This was added after
    the runs had been seen: one that it finds was known as missed.

    A classifier whose loss is below a twentieth of ln(classes), or whose last evaluation had every
    row right, has little left to learn, and nothing is said. One rule came from a run, which had
    diverged and was on its way back: the whole fall must be `min_gain` of the first loss as well,
    and the loss must have lain below the first before the last third. With fewer than three
    evaluations the thirds of the training loss are compared in the same way (at least `min_points`
    logs, 9), where rows were seen once or two evaluations fell as well: otherwise the loss also
    falls because rows are learned by heart.

    ## Example
    One epoch, evaluation loss 2.5, 2.2, 1.9: the last third brought 0.3 of 1.1.

    ## Fix
    Train twice as long.

    ## When it is wrong
    When the metric that counts was reached long before the loss. A schedule that brings the
    learning rate to 0 flattens the end of a run that was too short, and this check may say nothing
    (three runs of a language model in tests/fixtures/runs). A language model whose first logged
    loss was already that of a diverged run looks as if it were learning; a classifier that is still
    worse than guessing is left to the check for divergence.

    ## Sources
    No fault of the catalogue. The bounds are arithmetic, see above.
    """
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    losses, judged = training_loss(trace), trace.column("eval_loss").finite
    if not trace.finished or len(losses) < EVALUATIONS:
        message = f"it takes a finished run with {EVALUATIONS} logged losses"
        raise NotApplicableError(message)
    by_evaluation = len(judged) >= EVALUATIONS
    if not by_evaluation:
        _require_training_loss_tells(trace, losses, judged, min_points)
    began = start_level(losses.values)
    curve = judged if by_evaluation else _thirds(losses)
    last = float(curve.values[-1])
    if last > curve.values.min():
        return
    # The last evaluation before the final third of the steps; the first where there is none.
    early = int(np.searchsorted(curve.steps, curve.steps[-1] * 2 / 3, side="right")) - 1
    # Thirds of a curve end near two thirds of the steps, on either side: the middle one is meant.
    early = min(max(early, 0), len(curve) - 2) if by_evaluation else 1
    late, whole = float(curve.values[early]) - last, began - last
    scatter = noise(judged.values) if by_evaluation else _scatter_of_median(losses)
    if whole < min_gain * began or late > whole:
        return  # nothing was learned yet, or lost on the way
    if trace.classes is not None:
        guess = math.log(max(trace.classes, 2))
        if last >= guess or last <= LITTLE * guess:
            return  # worse than guessing: coming back from a divergence; or nothing left to learn
        right = trace.column("eval_accuracy").finite
        if len(right) and right.values[-1] >= 1:
            return
    pace = _pace(trace, curve, early) if last >= LEFT * began else 0.0
    small = late < min_share * whole and pace * late < min_pace * whole
    if small or late < min_gain * abs(last) or late <= 3 * scatter:
        return
    name = "eval_loss" if by_evaluation else "loss"
    first, end = int(curve.steps[early]), trace.last_step
    yield Finding(
        message=(
            f"{'evaluation' if by_evaluation else 'training'} loss was still falling when the run "
            f"ended: {float(curve.values[early]):.3g} at step {first:,}, {last:.3g} at the end, "
            f"{100 * late / whole:.0f} % of all that was learned since {began:.3g}"
        ),
        where=(Steps(metric=name, first=first, last=end),),
        evidence=(
            evidence(name, judged if by_evaluation else losses, Mark(step=first, text="from here")),
            Number(
                name="fall at the end as a share of the whole",
                value=100 * late / whole,
                unit="%",
                bound=f"below {100 * min_share:.0f} %",
            ),
        ),
        impact="the model could have learned more from the same rows",
        fixes=_fixes(recipe),
    )


def _require_training_loss_tells(
    trace: Trace, losses: Column, judged: Column, min_points: int
) -> None:
    """Raise NotApplicableError unless training loss can stand for the evaluation's."""
    passes = trace.column("epoch").finite
    once = len(passes) > 0 and float(passes.values[-1]) <= 1
    fell = len(judged) > 1 and judged.values[-1] < judged.values[0]
    risen = len(judged) > 1 and not fell
    if len(losses) < min_points or risen or not (once or fell):
        message = (
            f"it takes {EVALUATIONS} evaluations, or {min_points} logged losses over rows that "
            f"were seen once"
        )
        raise NotApplicableError(message)


def _pace(trace: Trace, curve: Column, early: int) -> float:
    """By how much a late fall weighs more, as so little of the sum of rates was left for it."""
    passed = by_rate(trace, curve)
    if passed is curve:
        return 0.0
    left = 1 - float(passed.steps[early]) / 1e6
    return 1 / left if left > 0 else 0.0


def _thirds(losses: Column) -> Column:
    """The median of each third of a curve, at the third's last step."""
    parts = np.array_split(np.arange(len(losses)), 3)
    return Column(
        np.array([losses.steps[part[-1]] for part in parts], dtype=np.int64),
        np.array([np.median(losses.values[part]) for part in parts], dtype=np.float64),
    )


def _scatter_of_median(losses: Column) -> float:
    """Standard error of a third's median; 1.25 is what a median costs against a mean."""
    return 1.25 * noise(losses.values) / float(np.sqrt(len(losses) / 3))


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    if recipe is None:
        return (Fix(title="train twice as long", safety=Safety.MANUAL),)
    if recipe.max_steps > 0:
        edit = change(recipe, "max_steps", 2 * recipe.max_steps)
        title = f"train {2 * recipe.max_steps:,} steps"
    else:
        edit = change(recipe, "num_train_epochs", 2 * recipe.num_train_epochs)
        title = f"train {2 * recipe.num_train_epochs:g} epochs"
    return (Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)),)
