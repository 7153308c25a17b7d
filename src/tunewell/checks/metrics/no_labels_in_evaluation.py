"""MET022: the evaluation sees no labels, so that it gives neither loss nor metrics."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity, Table
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation

LABELS = ("labels", "label", "label_ids", "start_positions")


@check("MET022", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E07",))
def no_labels_in_evaluation(
    evaluation: RehearsedEvaluation, recipe: Recipe, *, min_batches: int = 1
) -> Iterator[Finding]:
    """No batch of the evaluation has labels under the names by which the trainer looks for them.

    ## What it finds
    `label_names` that are none of the names in a batch, or an evaluation set without labels: the
    evaluation then gives no loss, and the metric function is never called.

    ## Why it matters
    Nothing fails. There is no `eval_loss` in the log, early stopping and the choice of the best
    model have nothing to go by, and `compute_metrics` seems to be ignored.

    ## How it is measured
    The trainer's own evaluation runs over some rows of a copy, and the batches that give a loss or
    labels are counted: fewer than `min_batches`, 1 by default, is an error. A trainer that is not
    to evaluate while it trains is left alone.

    ## Example
    `label_names=["target"]` with a collator that calls them `labels`.

    ## Fix
    Leave `label_names` out, or set it to the name that the batches have.

    ## When it is wrong
    When the evaluation set is for predictions alone.

    ## Sources
    Fault E07 of the catalogue, reproduced with transformers 5.23.
    """
    if evaluation.raised is not None or not evaluation.losses:
        reason = "the evaluation could not be looked at"
        raise NotApplicableError(reason)
    if recipe.saving.eval_strategy == "no" or evaluation.labelled >= min_batches:
        return
    there = [name for name in LABELS if name in evaluation.inputs]
    looked = " or ".join(repr(name) for name in evaluation.label_names) or "no name at all"
    lost = "no eval_loss" + (
        " and compute_metrics is never called" if evaluation.has_metrics else ""
    )
    what = f"the batches have {there[0]!r}" if there else "the batches have none"
    title = f"set label_names=[{there[0]!r}]" if there else "give the evaluation set its labels"
    yield Finding(
        message=f"the evaluation looks for labels under {looked}, and {what}: there is {lost}",
        where=(Key(path="label_names"),),
        evidence=(
            Number(
                name="batches with labels",
                value=evaluation.labelled,
                unit="batches",
                bound=f"at least {min_batches}",
            ),
            Table(
                name="what a batch holds",
                columns=("name",),
                rows=tuple((name,) for name in evaluation.inputs),
                total=len(evaluation.inputs),
            ),
        ),
        impact="the run is never judged, and says nothing of it",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )
