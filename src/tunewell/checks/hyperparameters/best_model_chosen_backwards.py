"""HYP005: the worst checkpoint would be taken for the best."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.metric_names import more_is_better
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe


@check(
    "HYP005",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("E02",),
)
def best_model_chosen_backwards(recipe: Recipe) -> Iterator[Finding]:
    """The direction of the metric that chooses the best checkpoint is the wrong way round.

    ## What it finds
    `greater_is_better` that contradicts the metric, or is left out for a metric of which less is
    better and whose name does not end in "loss".

    ## Why it matters
    The trainer then keeps the worst checkpoint and calls it the best, and early stopping ends the
    run as soon as it improves. Left out, the trainer takes more to be better for every name that
    does not end in "loss": also for error rates and perplexity.

    ## How it is measured
    By the name of the metric, or its last word ("test_wer"), from two lists of names whose
    direction is not in doubt. A metric that is in neither is left alone.

    ## Example
    `metric_for_best_model = "eval_error"` without `greater_is_better`.

    ## Fix
    Say the direction.

    ## When it is wrong
    When a metric bears the name of another.

    ## Sources
    transformers pull request 31142; fault E02 of the catalogue, reproduced with 5.23.
    """
    saved_when_best = recipe.saving.save_strategy == "best"
    stops = recipe.early_stopping_patience is not None
    if not (recipe.load_best_model_at_end or stops or saved_when_best):
        reason = "no checkpoint is chosen by a metric"
        raise NotApplicableError(reason)
    metric = recipe.metric_for_best_model
    name = metric.removeprefix("eval_").casefold()
    taken = recipe.greater_is_better
    used = taken if taken is not None else not name.endswith("loss")
    right = more_is_better(name)
    if right is None or right == used:
        return
    better = "more" if right else "less"
    yield Finding(
        message=(
            f"the best checkpoint would be the worst one: of {metric} {better} is better, but "
            + (
                f"greater_is_better is {str(taken).lower()}"
                if taken is not None
                else "without greater_is_better the trainer takes more to be better"
            )
        ),
        where=(place(recipe, "metric_for_best_model" if taken is None else "greater_is_better"),),
        evidence=(Text(name="metric_for_best_model", text=metric),),
        impact="the worst checkpoint is kept",
        fixes=(
            Fix(
                title=f"set greater_is_better to {str(right).lower()}",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "greater_is_better", right),),
            ),
        ),
    )
