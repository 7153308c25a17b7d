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
from tunewell.facts.curves import MIN_RISE, evidence, is_past_lowest, training_loss
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace


@check(
    "FIT001",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O25",),
)
def overfitting(
    trace: Trace, recipe: Recipe | None, *, min_rise: float = MIN_RISE, min_past: int = 2
) -> Iterator[Finding]:
    """Evaluation loss past its minimum while training loss still falls.

    ## What it finds
    A run whose evaluation loss reached its minimum and then rose, while training loss fell on.

    ## Why it matters
    From there on the model learns the training rows by heart. It costs time, and the model at the
    end is worse, or too sure of itself, unless the best one is kept.

    ## How it is measured
    At least `min_past` evaluations must lie behind the minimum (2: one alone is often noise), the
    last `min_past` must all lie above it by `min_rise` of its value (0.1) and by three times the
    curve's own noise, and training loss must have fallen since. Where the best model was kept, or
    accuracy did not fall with it, it is said as information only.

    ## Example
    Evaluation loss 0.61, 0.44, 0.52, 0.70 with training loss 0.5, 0.2, 0.05, 0.01.

    ## Fix
    Keep the best model and stop early, or train fewer epochs.

    ## When it is wrong
    When evaluation rows are few, their loss can wander by more than its own noise shows.

    ## Sources
    Fault O25 of the catalogue.
    """
    judged, learned = trace.column("eval_loss").finite, training_loss(trace)
    if len(judged) <= min_past:
        message = f"{len(judged)} evaluations were logged; it takes more than {min_past}"
        raise NotApplicableError(message)
    best = int(judged.values.argmin())
    low, step = float(judged.values[best]), int(judged.steps[best])
    if not is_past_lowest(judged.values, min_past=min_past, min_rise=min_rise):
        return
    before = learned.values[learned.steps <= step]
    after = learned.values[learned.steps > step]
    if not len(before) or not len(after) or np.median(after[-3:]) >= np.median(before[-3:]):
        return
    last = float(judged.values[-1])
    harmless = _harmless(trace, step)
    yield Finding(
        message=(
            f"evaluation loss rose from {low:.3g} at step {step:,} to {last:.3g} at step "
            f"{int(judged.steps[-1]):,} while training loss went on falling{harmless}"
        ),
        severity=Severity.INFO if harmless else None,
        where=(Steps(metric="eval_loss", first=step, last=int(judged.steps[-1])),),
        evidence=(
            evidence("eval_loss", judged, Mark(step=step, text="lowest evaluation loss")),
            evidence("loss", learned),
            Number(name="rise of evaluation loss", value=100 * (last - low) / low, unit="%"),
        ),
        impact=f"the {trace.last_step - step:,} steps after step {step:,} were spent for nothing",
        fixes=_fixes(recipe),
    )


def _harmless(trace: Trace, step: int) -> str:
    if trace.kept_step is not None and trace.kept_step <= step:
        return "; the model kept is from before the rise"
    for name in ("eval_accuracy", "eval_f1"):
        column = trace.column(name).finite
        if len(column) and float(column.values[-1]) >= float(
            column.values[int(np.searchsorted(column.steps, step).clip(0, len(column) - 1))]
        ):
            return f"; {name.removeprefix('eval_')} did not fall with it"
    return ""


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "keep the best model and stop after 2 evaluations without a gain"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = [change(recipe, "early_stopping_patience", 2)]
    if not recipe.load_best_model_at_end:
        edits.append(change(recipe, "load_best_model_at_end", new=True))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
