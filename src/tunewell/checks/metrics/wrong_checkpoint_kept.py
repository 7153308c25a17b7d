"""MET003: the model kept is not the best one evaluated."""

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
from tunewell.facts.curves import evidence, noise
from tunewell.facts.held_scores import held_score
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

SMALLER_IS_BETTER = ("loss", "perplexity", "wer", "cer", "mse", "mae", "rmse", "error")

NOISY = 8
"""Values from which on a curve tells its own noise."""


@check(
    "MET003",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E03",),
)
def wrong_checkpoint_kept(
    trace: Trace, recipe: Recipe | None, *, min_worse: float = 0.1, min_of_range: float = 0.1
) -> Iterator[Finding]:
    """A kept model that evaluated clearly worse than another one of the same run.

    ## What it finds
    A run that ended with, or loaded, a model whose evaluation is clearly behind the best it had,
    and whether the better one's checkpoint is still on disk.

    ## Why it matters
    The better model was paid for and thrown away.

    ## How it is measured
    By the metric that the run selects by, evaluation loss where it names none, with smaller taken
    as better for losses and error rates. The difference must exceed `min_worse` of the best value
    (0.1, a judgement: in ten healthy runs an evaluation after the best lay up to 0.86 above it, so
    keeping the last is often worse) and three times the curve's own noise, which fewer than eight
    values do not tell: of those it must exceed `min_of_range` of all that lies between the best and
    the worst (0.1, a judgement; a loss that falls from 1.1 to 0.06 may well end at 0.09). Where the
    run names no metric and its accuracy or F1 is no lower for the kept model, by a standard error
    of its rows, it is information: the model is surer of its errors, and makes no more of them.
    trainer_state.json does not say which model was kept; it is known where the run chose no best
    model (the last is kept), where the weights beside the checkpoints equal those of one of them,
    and where the best checkpoint is gone while later ones are there.

    ## Example
    Evaluation loss 0.44 at step 60, 0.71 at the end, and the end is what is saved.

    ## Fix
    `load_best_model_at_end = true`, and leave `greater_is_better` to the metric's name.

    ## When it is wrong
    When evaluation rows are too few for the difference to be real, or the best model was loaded
    and used in memory and its checkpoint deleted afterwards.

    ## Sources
    Fault E03 of the catalogue; transformers, `TrainingArguments.load_best_model_at_end`.
    """
    if trace.kept_step is None:
        message = "the log does not say which model was kept"
        raise NotApplicableError(message)
    metric = trace.metric_for_best or "eval_loss"
    metric = metric if metric.startswith("eval_") else f"eval_{metric}"
    values = trace.column(metric).finite
    if len(values) < 2:  # noqa: PLR2004  a choice takes two
        message = f"fewer than two values of {metric} were logged"
        raise NotApplicableError(message)
    smaller = any(part in SMALLER_IS_BETTER for part in metric.split("_"))
    signed = values.values if smaller else -values.values
    best = int(signed.argmin())
    kept = int(np.searchsorted(values.steps, trace.kept_step, side="right")) - 1
    worse = float(signed[max(kept, 0)] - signed[best])
    if worse <= min_worse * abs(float(signed[best])) or worse <= 3 * noise(values.values):
        return
    if len(values) < NOISY and worse <= min_of_range * float(np.ptp(signed)):
        return
    reversed_way = trace.greater_is_better is not None and trace.greater_is_better == smaller
    why = f"; greater_is_better = {trace.greater_is_better} turns it round" if reversed_way else ""
    step, had = int(values.steps[best]), float(values.values[best])
    unnamed = trace.metric_for_best is None
    last = int(values.steps[max(kept, 0)])
    held = held_score(trace, step, last, errors=1.0) if unnamed else ""
    as_good = f"; its {held} is as good" if held else ""
    disk = _on_disk(trace, step)
    yield Finding(
        message=(
            f"the model kept is from step {trace.kept_step:,} with {metric} "
            f"{float(values.values[max(kept, 0)]):.3g}; step {step:,} had {had:.3g}"
            f"{disk}{why}{as_good}"
        ),
        where=(Steps(metric=metric, first=step, last=trace.kept_step),)
        if step <= trace.kept_step
        else (Steps(metric=metric, first=trace.kept_step, last=step),),
        evidence=(
            evidence(
                metric,
                values,
                Mark(step=step, text="best"),
                Mark(step=trace.kept_step, text="kept"),
            ),
            Number(name="difference", value=worse, bound=f"at most {min_worse * abs(had):.3g}"),
        ),
        impact="a better model of the same run was thrown away"
        if step not in trace.saved_steps
        else "a worse model of the run is used than the one at hand",
        fixes=_fixes(recipe, reversed_way=reversed_way),
        severity=Severity.INFO if held else None,
    )


def _on_disk(trace: Trace, step: int) -> str:
    if not trace.saved_steps:
        return ""
    if step in trace.saved_steps:
        return f", and checkpoint-{step} is still on disk"
    return ", and its checkpoint is not on disk"


def _fixes(recipe: Recipe | None, *, reversed_way: bool) -> tuple[Fix, ...]:
    title = "keep the model that evaluates best"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = []
    if not recipe.load_best_model_at_end:
        edits.append(change(recipe, "load_best_model_at_end", new=True))
    if reversed_way:
        edits.append(change(recipe, "greater_is_better", None))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
