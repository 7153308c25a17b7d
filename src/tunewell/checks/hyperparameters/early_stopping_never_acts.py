"""HYP004: more patience than the run has evaluations."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe


@check("HYP004", category=Category.SUSPICIOUS, severity=Severity.WARNING)
def early_stopping_never_acts(recipe: Recipe, *, spare: int = 1) -> Iterator[Finding]:
    """Early stopping is set, but the run ends before its patience can run out.

    ## What it finds
    A patience that needs more evaluations than the run has.

    ## Why it matters
    Who sets early stopping relies on it to end an overfitting run. With a patience of five and
    three evaluations it cannot act, and nothing says so.

    ## How it is measured
    Epochs times evaluations an epoch, against the patience plus `spare`. `spare` is 1: the first
    evaluation always counts as an improvement, so a patience of p needs p + 1.

    ## Example
    Three epochs, evaluated once each, with a patience of 3.

    ## Fix
    A smaller patience, more epochs, or more evaluations an epoch.

    ## When it is wrong
    Never by its arithmetic; harmless where the patience is kept for longer runs of one recipe.

    ## Sources
    `EarlyStoppingCallback` of transformers 5.23: it counts evaluations without improvement.
    """
    patience = recipe.early_stopping_patience
    if patience is None:
        reason = "the recipe has no early stopping"
        raise NotApplicableError(reason)
    if recipe.max_steps > 0:
        reason = "the run is given in steps, so its evaluations are not known before it starts"
        raise NotApplicableError(reason)
    if recipe.format != "tunewell" and recipe.saving.eval_strategy != "epoch":
        reason = "it is not evaluated by epochs, so its evaluations are not known before it starts"
        raise NotApplicableError(reason)
    evaluations = math.ceil(recipe.num_train_epochs * recipe.evals_per_epoch)
    if evaluations >= patience + spare:
        return
    shorter = evaluations - spare
    per_epoch = math.ceil((patience + spare) / max(recipe.num_train_epochs, 1e-9))
    fix = (
        Fix(
            title=f"set early_stopping_patience to {shorter}",
            safety=Safety.UNSAFE,
            edits=(change(recipe, "early_stopping_patience", shorter),),
        )
        if shorter >= 1
        else Fix(
            title=f"evaluate {per_epoch} times an epoch",
            safety=Safety.UNSAFE,
            edits=(change(recipe, "evals_per_epoch", per_epoch),),
        )
    )
    yield Finding(
        message=(
            f"early stopping waits for {patience} evaluations without improvement, but the run has "
            f"only {evaluations}, so it can never stop early"
        ),
        where=(place(recipe, "early_stopping_patience"),),
        evidence=(
            Number(
                name="evaluations",
                value=float(evaluations),
                unit="evaluations",
                bound=f"at least {patience + spare}",
            ),
        ),
        impact="an overfitting run goes on to its end",
        fixes=(fix,),
    )
