"""HYP018: the warm-up takes the whole run, or most of it."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, optimizer_steps, place, warmup_steps
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe

WITHOUT = frozenset({"constant", "reduce_lr_on_plateau"})
"""Schedules of transformers that have no warm-up, whatever is set."""

USUAL_SHARE = 0.1


@check("HYP018", category=Category.CORRECTNESS, severity=Severity.ERROR)
def warmup_outlasts_run(
    recipe: Recipe, dataset: Dataset | None, *, most_share: float = 0.5
) -> Iterator[Finding]:
    """The warm-up is as long as the run or longer, or more than half of it.

    ## What it finds
    Warm-up steps that are more than `most_share` of the run's optimizer steps.

    ## Why it matters
    The learning rate rises from zero over the warm-up. Where the warm-up outlasts the run, the rate
    that was chosen is never reached, and the schedule after it never begins: the run ends at its
    highest rate. This comes from a warm-up in steps that was written for a larger data set.

    ## How it is measured
    Rows, batch size, accumulation and epochs give the steps, as the Trainer counts them.
    `most_share` is half of the run: published recipes warm up for at most a fifth. A warm-up of the
    whole run or more is an error, anything between a warning.

    ## Example
    `warmup_steps=500` with 300 rows in batches of 8 for three epochs: 114 steps.

    ## Fix
    A warm-up of a tenth of the run.

    ## When it is wrong
    When the run is the first part of a longer one that is to be resumed with more steps.

    ## Sources
    transformers, `get_linear_schedule_with_warmup`; the standard values of `tunewell plan`.
    """
    if recipe.lr_scheduler_type in WITHOUT:
        reason = f"the schedule {recipe.lr_scheduler_type} has no warm-up"
        raise NotApplicableError(reason)
    if not recipe.warmup_steps and recipe.warmup_ratio <= 0:
        reason = "the recipe has no warm-up"
        raise NotApplicableError(reason)
    if recipe.max_steps > 0:
        steps = recipe.max_steps
    elif dataset is not None and len(dataset.train):
        steps = optimizer_steps(recipe, len(dataset.train))
    elif not recipe.warmup_steps:
        # A share of the run is what it is, however long the run will be.
        steps = 1000
    else:
        reason = "how many steps the run has depends on the training data: --train FILE"
        raise NotRunError(reason)
    warm = warmup_steps(recipe, steps)
    # One step of warm-up in a run of one or two is the rounding, not the setting.
    if warm <= max(most_share * steps, 1):
        return
    never = warm >= steps
    usual = max(1, round(USUAL_SHARE * steps))
    by_steps = bool(recipe.warmup_steps)
    setting = "warmup_steps" if by_steps else "warmup_ratio"
    new: float = usual if by_steps else USUAL_SHARE
    yield Finding(
        message=(
            f"the warm-up takes {warm:,} of the run's {steps:,} steps"
            + (": the learning rate never gets to fall" if never else "")
        ),
        where=(place(recipe, setting),),
        evidence=(
            Number(
                name="share of warm-up",
                value=100 * warm / steps,
                unit="%",
                bound=f"at most {most_share:.0%}; published recipes: 0 % to 20 %",
            ),
        ),
        impact=(
            f"learning rate {recipe.learning_rate:g} is reached at the very end or not at all"
            if never
            else "most of the run is at a lower learning rate than was chosen"
        ),
        fixes=(
            Fix(
                title=f"set {setting} to {new:g}, a tenth of the run",
                safety=Safety.UNSAFE,
                edits=(change(recipe, setting, new),),
            ),
        ),
        severity=Severity.ERROR if never else Severity.WARNING,
        confidence=Confidence.HIGH if never else Confidence.MEDIUM,
    )
