"""FIT001: evaluation loss that rises while training loss falls."""

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
from tunewell.facts.curves import (
    MIN_RISE,
    Change,
    end_level,
    evidence,
    is_past_lowest,
    is_reward_training,
    start_level,
    training_loss,
    trend,
)
from tunewell.facts.evaluation_time import evaluated_rows
from tunewell.facts.held_scores import held_score
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

MIN_TIMES = 2
LEAST = 0.01
"""A rise below this share of the first training loss costs nothing."""

FEW = 4
"""Evaluations of a run that is judged by its last one alone, at most."""


@check(
    "FIT001",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O25",),
)
def overfitting(
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_rise: float = MIN_RISE,
    min_past: int = 2,
    min_steady_rise: float = 0.05,
    min_single_rise: float = 0.3,
) -> Iterator[Finding]:
    """Evaluation past its best while training loss still falls.

    ## What it finds
    A run whose evaluation loss reached its minimum and then rose, while training loss fell on. Of
    several evaluation sets all must have risen: one that rises alone is rather forgotten than
    overfitted. Where no evaluation loss was logged, an accuracy that falls by more than its rows
    explain.

    ## Why it matters
    From there on the model learns the training rows by heart. It costs time, and the model at the
    end is worse, or too sure of itself, unless the best one is kept.

    ## How it is measured
    Training loss must have fallen since the minimum, the rise must be a hundredth of the first
    training loss (a loss near 0 doubles by chance), and one of three must hold:

    - at least `min_past` evaluations lie behind the minimum (2: one alone is often noise), and the
      last `min_past` all lie above it by `min_rise` of its value (0.1) and by three times the
      curve's own noise;
    - at least six evaluations from the minimum on rise steadily: the 99 % interval of their trend
      lies above 0, and the rise is at least `min_steady_rise` of the minimum (0.05, a judgement);
    - in a finished run with at most four evaluations the last one alone lies above the one before
      by `min_single_rise` of it (0.3) and by a tenth of the first training loss, and training loss
      fell to less than half since.

    An accuracy must lie below its best in the last `min_past` evaluations by three standard errors
    of the difference of two shares of so many rows, which the log tells as speed times seconds.
    Where the best model was kept, or accuracy did not fall with the loss by more than one row
    in 200, it is said as information only.

    ## Example
    Evaluation loss 0.61, 0.44, 0.52, 0.70 with training loss 0.5, 0.2, 0.05, 0.01.

    ## Fix
    Keep the best model and stop early, or train fewer epochs.

    ## When it is wrong
    When evaluation rows are few, their loss can wander by more than its own noise shows.

    ## Sources
    Fault O25 of the catalogue.
    """
    learned = training_loss(trace)
    if is_reward_training(trace):
        message = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(message)
    sets = {name: column for name, column in _judged(trace).items() if len(column) >= MIN_TIMES}
    if not sets:
        message = f"fewer than {MIN_TIMES} evaluations were logged"
        raise NotApplicableError(message)
    options = (min_rise, min_past, min_steady_rise, min_single_rise)
    risen: list[tuple[float, str, Column]] = []
    for name, column in sets.items():
        if name.endswith("loss"):
            rise = _loss_rise(trace, column, learned, *options)
        else:
            rise = _share_fall(trace, name, column, min_past)
        if rise and _learned_on(learned, int(column.steps[_best(name, column)])):
            risen.append((rise, name, column))
    if len(risen) < len(sets):
        return
    rise, name, judged = max(risen, key=lambda found: found[0])
    place = _best(name, judged)
    step = int(judged.steps[place])
    best, last = float(judged.values[place]), float(judged.values[-1])
    harmless = _harmless(trace, step)
    what = "evaluation loss" if name == "eval_loss" else name
    verb = "rose" if name.endswith("loss") else "fell"
    yield Finding(
        message=(
            f"{what} {verb} from {best:.3g} at step {step:,} to {last:.3g} at step "
            f"{int(judged.steps[-1]):,} while training loss went on falling{harmless}"
        ),
        severity=Severity.INFO if harmless else None,
        where=(Steps(metric=name, first=step, last=int(judged.steps[-1])),),
        evidence=(
            evidence(name, judged, Mark(step=step, text=f"best {what}")),
            evidence("loss", learned),
            Number(name=f"change of {what}", value=100 * (last - best) / best, unit="%"),
        ),
        impact=f"the {trace.last_step - step:,} steps after step {step:,} were spent for nothing",
        fixes=_fixes(recipe),
    )


def _judged(trace: Trace) -> dict[str, Column]:
    """The evaluation losses by name, or the accuracies where there is none."""
    columns = {name: c.finite for name, c in trace.columns.items() if name.startswith("eval_")}
    if "eval_loss" in columns:
        return {"eval_loss": columns["eval_loss"]}
    losses = {name: c for name, c in columns.items() if name.endswith("_loss")}
    return losses or {name: c for name, c in columns.items() if name.endswith("accuracy")}


def _best(name: str, column: Column) -> int:
    return int(column.values.argmin() if name.endswith("loss") else column.values.argmax())


def _loss_rise(  # noqa: PLR0913, PLR0917  the options of the check
    trace: Trace,
    judged: Column,
    learned: Column,
    min_rise: float,
    min_past: int,
    min_steady: float,
    min_single: float,
) -> float:
    """Rise of an evaluation loss since its minimum as a share of it, 0 where there is none."""
    best = int(judged.values.argmin())
    low, past = float(judged.values[best]), judged.values[best + 1 :]
    if not len(past) or low <= 0:
        return 0.0
    rise = float(judged.values[-1]) - low
    if len(learned) and rise < LEAST * start_level(learned.values):
        return 0.0
    if len(past) >= min_past:
        if is_past_lowest(judged.values, min_past=min_past, min_rise=min_rise):
            return rise / low
        since: Change | None = trend(Column(judged.steps[best:], judged.values[best:]), level=0.99)
        if since is not None and since.rises and min(rise, since.value) >= min_steady * low:
            return rise / low
    few = trace.finished and len(judged) <= FEW and len(past) == 1
    if few and len(learned) and rise >= max(min_single * low, 0.1 * start_level(learned.values)):
        before = learned.values[learned.steps <= judged.steps[best]]
        seen = learned.values[learned.steps <= judged.steps[-1]]
        if len(before) and end_level(seen) < end_level(before) / 2:
            return rise / low
    return 0.0


def _share_fall(trace: Trace, name: str, judged: Column, min_past: int) -> float:
    """Fall of an accuracy since its best, 0 where so few rows can explain it."""
    best = int(judged.values.argmax())
    past = judged.values[best + 1 :]
    rows = evaluated_rows(trace, name.removesuffix("accuracy"))
    if len(past) < min_past or rows is None:
        return 0.0
    top, late = float(judged.values[best]), float(past[-min_past:].max())
    # Two more rows, one of them right, keep the error of a share near 1 from being 0.
    spread = sum(p * (1 - p) for p in ((x * rows + 1) / (rows + 2) for x in (top, late)))
    fall = top - late
    return fall if fall > 3 * float(np.sqrt(spread / rows)) else 0.0


def _learned_on(learned: Column, step: int) -> bool:
    """Whether training loss fell after a step."""
    # Where nothing was logged before the first evaluation, the first log stands for it.
    first = max(1, int(np.searchsorted(learned.steps, step, side="right")))
    before, after = learned.values[:first], learned.values[first:]
    return bool(len(before) and len(after) and np.median(after[-3:]) < np.median(before[-3:]))


def _harmless(trace: Trace, step: int) -> str:
    if trace.kept_step is not None and trace.kept_step <= step:
        return "; the model kept is from before the rise"
    held = held_score(trace, step, trace.last_step)
    return f"; {held} did not fall with it" if held else ""


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "keep the best model and stop after 2 evaluations without a gain"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = [change(recipe, "early_stopping_patience", 2)]
    if not recipe.load_best_model_at_end:
        edits.append(change(recipe, "load_best_model_at_end", new=True))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
