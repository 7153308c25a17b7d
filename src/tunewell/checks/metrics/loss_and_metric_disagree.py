"""MET031: evaluation loss and the task's own metric go in opposite directions."""

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
    SetKey,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence, noise, smooth
from tunewell.facts.metric_names import chosen_metric, directed_metrics
from tunewell.facts.recipe import change
from tunewell.stats.trend import Trend, trend
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

ONE_SIDED = ("precision", "recall")
"""Either alone is traded for the other while a model learns where the border lies."""

FEW = 3
"""Evaluations whose median is a level."""

CLEAR = 4
"""Times the scatter of a curve that a fall must have."""


@check(
    "MET031",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E20",),
)
def loss_and_metric_disagree(
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_evaluations: int = 6,
    min_change: float = 0.02,
    min_drop: float = 0.05,
    level: float = 0.99,
) -> Iterator[Finding]:
    """Evaluation loss falls while the metric of the task gets worse, or the reverse.

    ## What it finds
    A run whose evaluation loss keeps falling while accuracy, F1, word error rate or another known
    metric of the same evaluations gets worse. The reverse, a loss that rises while the metric gets
    better, is told as information: which of the two should choose the checkpoint.

    ## Why it matters
    The loss stands for what is wanted only as long as the two go together. Chosen by the loss, the
    kept checkpoint is one of the worst.

    ## How it is measured
    A straight line through the later two thirds of the evaluations, at least `min_evaluations` of
    them in all (6), for the loss and for each metric whose direction its name tells. The intervals
    of both slopes at `level` (0.99; several metrics are looked at), widened where neighbouring
    evaluations go together, must lie on opposite sides of 0, and each must have changed by
    `min_change` of its level over that stretch (0.02, a judgement: less decides nothing). A metric
    that falls at once, by steps, has no such slope. So it is also found where the last three values
    all lie below the three around the best, by their medians `min_drop` of it (0.05) and four times
    the scatter of the curve, while the last three losses all lie below the three there. Precision
    and recall count only where the run chooses by them.

    ## Example
    Evaluation loss 1.9 to 1.4 over nine evaluations, ROUGE-L 0.31 to 0.24.

    ## Fix
    `metric_for_best_model` on the metric that counts, with `load_best_model_at_end`.

    ## When it is wrong
    When the metric is one that nobody decides by.

    ## Sources
    TRL issue 733; fault E20 of the catalogue.
    """
    losses = trace.column("eval_loss").finite
    chosen = chosen_metric(trace)
    metrics = {
        name: better
        for name, better in directed_metrics(trace).items()
        if name == chosen or not name.endswith(ONE_SIDED)
    }
    if len(losses) < min_evaluations or not metrics:
        reason = f"it takes {min_evaluations} evaluations with a metric beside the loss"
        raise NotApplicableError(reason)
    of_loss = _late(losses, level)
    for name in sorted(metrics, key=lambda known: (known != chosen, known)):
        column = trace.column(name).finite
        if len(column) < min_evaluations:
            continue
        of_metric = _late(column, level)
        worse = of_metric.falls if metrics[name] else of_metric.rises
        better = of_metric.rises if metrics[name] else of_metric.falls
        opposite = (of_loss.falls and worse) or (of_loss.rises and better)
        enough = all(
            _moved(line, seen) >= min_change
            for line, seen in ((of_loss, losses), (of_metric, column))
        )
        if opposite and enough:
            yield _finding(trace, recipe, name, level, harmful=of_loss.falls)
            return
        turn = _past_its_best(losses, column, min_drop, better=metrics[name])
        if turn is not None:
            yield _finding(trace, recipe, name, level, harmful=True, first=turn)
            return


def _late(column: Column, level: float) -> Trend:
    start = len(column) // 3
    return trend(column.steps[start:], column.values[start:], level=level)


def _moved(line: Trend, column: Column) -> float:
    start = len(column) // 3
    length = float(column.steps[-1] - column.steps[start])
    return abs(line.slope) * length / max(abs(line.level), 1e-12)


def _past_its_best(losses: Column, column: Column, min_drop: float, *, better: bool) -> int | None:
    """The step at which a metric was best, where it has clearly fallen since and the loss too."""
    steps, one, other = np.intersect1d(losses.steps, column.steps, return_indices=True)
    loss, metric = losses.values[one], column.values[other] * (1 if better else -1)
    if len(steps) < 2 * FEW:
        return None
    best = int(np.argmax(smooth(metric, FEW)[: -FEW - 1]))
    around = slice(max(0, best - 1), best + 2)
    level = float(np.median(metric[around]))
    drop = level - float(np.median(metric[-FEW:]))
    apart = metric[-FEW:].max() < metric[around].min() and loss[-FEW:].max() < loss[around].min()
    clear = drop >= min_drop * abs(level) and drop > CLEAR * noise(metric)
    return int(steps[best]) if apart and clear else None


def _finding(
    trace: Trace,
    recipe: Recipe | None,
    name: str,
    level: float,
    *,
    harmful: bool,
    first: int | None = None,
) -> Finding:
    losses, column = trace.column("eval_loss").finite, trace.column(name).finite
    first = int(losses.steps[len(losses) // 3]) if first is None else first
    last = int(losses.steps[-1])
    lines = [
        (
            metric,
            trend(seen.steps[seen.steps >= first], seen.values[seen.steps >= first], level=level),
        )
        for metric, seen in (("eval_loss", losses), (name, column))
    ]
    verb = "falls" if harmful else "rises"
    what = "gets worse" if harmful else "gets better"
    at = min(int(np.searchsorted(column.steps, first)), len(column) - 1)
    return Finding(
        message=(
            f"from step {first:,} to {last:,} the evaluation loss {verb} and {name} {what}: "
            f"{column.values[at]:.3g} to {column.values[-1]:.3g}"
        ),
        where=(Steps(metric=name, first=first, last=last),),
        evidence=(
            *(
                Number(
                    name=f"slope of {metric} for 1,000 steps, {100 * level:g} % interval",
                    value=1000 * line.slope,
                    low=1000 * line.low,
                    high=1000 * line.high,
                    bound="the same direction" if metric == name else "",
                )
                for metric, line in lines
                if math.isfinite(line.low)
            ),
            evidence("eval_loss", losses),
            evidence(name, column),
        ),
        impact="a checkpoint chosen by the loss is not the best by the metric",
        severity=Severity.WARNING if harmful else Severity.INFO,
        fixes=_fixes(trace, recipe, name),
    )


def _fixes(trace: Trace, recipe: Recipe | None, name: str) -> tuple[Fix, ...]:
    title = f"choose the checkpoint by {name}"
    if chosen_metric(trace) == name:
        return (Fix(title="trust the metric, and look at what is generated", safety=Safety.MANUAL),)
    edits: tuple[SetKey, ...] = ()
    if recipe is not None:
        edits = (change(recipe, "metric_for_best_model", name.removeprefix("eval_")),)
    return (Fix(title=title, safety=Safety.UNSAFE if edits else Safety.MANUAL, edits=edits),)
