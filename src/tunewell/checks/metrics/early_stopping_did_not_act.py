"""MET033: early stopping is on, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Key,
    Location,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.facts.metric_names import chosen_metric, more_is_better
from tunewell.subjects.trace import Column, Trace

TOLD = "metric_for_best_model"


@check("MET033", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("E26",))
def early_stopping_did_not_act(trace: Trace, *, spare: int = 0) -> Iterator[Finding]:
    """Early stopping is set, but no metric reaches it, or its patience ran out and the run went on.

    ## What it finds
    A run with a patience for early stopping that after its first evaluations has no best metric;
    and a run that went on although the evaluations without improvement had used its patience up.

    ## Why it matters
    Who sets early stopping relies on it to end an overfitting run and to keep the best model. It
    then runs to its end, and the model that is left is the last.

    ## How it is measured
    The patience stands in the run's settings or in trainer_state.json. Without a best metric: the
    metric that should choose is not among the columns of the evaluations, or trainer_state.json,
    which holds the best metric, holds none after an evaluation. With one: evaluations are counted
    as `EarlyStoppingCallback` does, an improvement by more than `early_stopping_threshold` sets the
    count back, and so does a restart, after which the Trainer counts anew. The run may have no
    further evaluation after the patience and `spare` (0) more without improvement, unless it was
    taken up again by hand after that.

    ## Example
    `early_stopping_patience` 3; best at step 200, and evaluations at 250, 300 ... 900 after it.

    ## Fix
    Name a metric that the evaluation gives in `metric_for_best_model`, and evaluate by steps or
    epochs.

    ## When it is wrong
    When the threshold or the direction of the metric is another one than the log tells.

    ## Sources
    transformers issue 16620; `EarlyStoppingCallback.on_evaluate` of transformers 5.23, which logs
    a line and returns where the metric is missing. Fault E26 of the catalogue.
    """
    patience = trace.settings.get("early_stopping_patience")
    judged = trace.columns_under("eval_")
    if not isinstance(patience, int) or not judged:
        reason = "the run has no patience for early stopping, or was not evaluated yet"
        raise NotApplicableError(reason)
    evaluations = max(len(column) for column in judged.values())
    metric = chosen_metric(trace)
    if metric is None and TOLD not in trace.settings and trace.best_metric is None:
        yield _without_metric(trace, patience, evaluations, "no best metric is known")
        return
    if metric is None:
        told = trace.settings.get(TOLD)
        if told is None and trace.best_metric is None and TOLD in trace.settings:
            yield _without_metric(trace, patience, evaluations, "no metric chooses the best model")
        return
    if metric not in trace.columns:
        if not any(f"eval_{name}" == metric for name in judged):
            yield _without_metric(trace, patience, evaluations, f"{metric!r} is not among them")
        return
    found = _ran_on(trace, trace.column(metric), metric, patience + spare)
    if found is not None:
        yield found


def _ran_on(trace: Trace, column: Column, metric: str, patience: int) -> Finding | None:
    """The finding where the patience ran out before the last evaluation."""
    better = trace.greater_is_better
    if better is None:
        better = more_is_better(metric.removeprefix("eval_"))
    threshold = trace.settings.get("early_stopping_threshold") or 0.0
    if better is None or not isinstance(threshold, int | float):
        return None
    restarts = [restart.step for restart in trace.restarts]
    best, count, best_step = None, 0, 0
    for place, (step, value) in enumerate(zip(column.steps, column.values, strict=True)):
        if place and any(column.steps[place - 1] <= at < step for at in restarts):
            count = 0
        gain = None if best is None else (value - best if better else best - value)
        if gain is None or gain > threshold:
            count = 0
        else:
            count += 1
        if gain is None or gain > 0:
            best, best_step = value, int(step)
        later = len(column) - 1 - place
        if count >= patience and later and not any(at >= step for at in restarts):
            return _finding(trace, metric, best_step=best_step, stop=int(step), later=later)
    return None


def _finding(trace: Trace, metric: str, *, best_step: int, stop: int, later: int) -> Finding:
    column = trace.column(metric)
    patience = trace.settings.get("early_stopping_patience")
    return Finding(
        message=(
            f"early stopping had a patience of {patience} and {metric} was best at step "
            f"{best_step:,}: it was used up at step {stop:,}, and "
            f"{counted(later, 'more evaluation')} followed"
        ),
        where=(Steps(metric=metric, first=stop, last=int(column.steps[-1])),),
        evidence=(
            Number(name="evaluations after the patience was used up", value=later, bound="0"),
            evidence(
                metric,
                column,
                Mark(step=best_step, text="best"),
                Mark(step=stop, text="should stop"),
            ),
        ),
        impact="the run goes on after the point at which it was to end",
        fixes=_fixes(),
    )


def _without_metric(trace: Trace, patience: int, evaluations: int, why: str) -> Finding:
    names: Sequence[str] = sorted(trace.columns_under("eval_"))
    where: tuple[Location, ...] = (Key(path=TOLD),)
    return Finding(
        message=(
            f"early stopping has a patience of {patience}, and after "
            f"{counted(evaluations, 'evaluation')} {why}: it cannot act"
        ),
        where=where,
        evidence=(
            Number(name="evaluations", value=evaluations),
            Table(
                name="metrics of the evaluations",
                columns=("metric",),
                rows=tuple((f"eval_{name}",) for name in names),
                total=len(names),
            ),
        ),
        impact="an overfitting run goes on to its end, and no best model is kept",
        fixes=_fixes(),
    )


def _fixes() -> tuple[Fix, ...]:
    return (
        Fix(
            title="name a metric that the evaluation gives in metric_for_best_model, and leave its "
            "direction to greater_is_better",
            safety=Safety.MANUAL,
        ),
    )
