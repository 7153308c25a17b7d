"""MET021: the metric that chooses the best model is not produced."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Table
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation

PREFIX = "eval_"
NOT_QUALITY = (
    "eval_runtime", "eval_samples_per_second", "eval_steps_per_second",
    "eval_model_preparation_time", "epoch",
)  # fmt: skip
METRIC = "metric_for_best_model"


@check("MET021", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E04",))
def best_metric_not_produced(
    evaluation: RehearsedEvaluation, recipe: Recipe, *, max_missing: int = 0
) -> Iterator[Finding]:
    """`metric_for_best_model` names a metric that the evaluation does not give.

    ## What it finds
    A `metric_for_best_model` that is not among the names of the metrics of a real evaluation.

    ## Why it matters
    transformers raises a KeyError when it first compares evaluations, after the first epoch or some
    hundred steps.

    ## How it is measured
    The trainer's own evaluation and metric function run over some rows of a copy; the names of
    their metrics are compared with the setting, with and without `eval_`. With several evaluation
    sets each metric has the name of its set. More than `max_missing` names, 0 by default, are an
    error. Trainers with an evaluator of sentence-transformers are left alone, because it is not
    run.

    ## Example
    `metric_for_best_model="f1"`, and a `compute_metrics` that returns `{"macro_f1": ...}`.

    ## Fix
    Name a metric that is there, or return the one that is named.

    ## When it is wrong
    When the metric function leaves names out for a few rows.

    ## Sources
    Fault E04 of the catalogue, reproduced with transformers 5.23:
    `Trainer._determine_best_metric`.
    """
    if evaluation.metrics is None or not evaluation.wanted or recipe.saving.eval_strategy == "no":
        reason = "no metric chooses the best model, or not all of the evaluation was run"
        raise NotApplicableError(reason)
    # The recipe's name is what a fix changes; the trainer's is what was asked for.
    wanted = recipe.metric_for_best_model
    wanted = wanted if wanted.startswith(PREFIX) else PREFIX + wanted
    if wanted in evaluation.metrics or max_missing > 0:
        return
    offered = [name for name in evaluation.metrics if name not in NOT_QUALITY]
    offered = [name for name in offered if not name.endswith(NOT_QUALITY[:-1])]
    near = difflib.get_close_matches(wanted, offered, n=1, cutoff=0.0)
    title = "return that metric from compute_metrics"
    yield Finding(
        message=(
            f"the best model is to be chosen by {wanted!r}, and the evaluation gives "
            f"{', '.join(repr(name) for name in offered) or 'no metric'}"
        ),
        where=(place(recipe, METRIC),),
        evidence=(
            Number(name="metrics of that name", value=0, bound="at least 1"),
            Table(
                name="metrics of the evaluation",
                columns=("metric",),
                rows=tuple((name,) for name in evaluation.metrics),
                total=len(evaluation.metrics),
            ),
        ),
        impact="the run stops with a KeyError at its first evaluation",
        fixes=(
            *(
                Fix(
                    title=f"choose by {name}",
                    safety=Safety.UNSAFE,
                    edits=(change(recipe, METRIC, name),),
                )
                for name in near
            ),
            Fix(title=title, safety=Safety.MANUAL),
        ),
    )
