"""HYP002: a run of so few optimizer steps that little can be learned."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, optimizer_steps, place, steps_per_epoch
from tunewell.knowledge.standard_values import lookup
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


@check(
    "HYP002",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O09",),
)
def too_few_optimizer_steps(
    recipe: Recipe, dataset: Dataset, *, min_steps: int = 50, min_steps_short: int = 100
) -> Iterator[Finding]:
    """The whole run takes so few optimizer steps that the model can hardly learn.

    ## What it finds
    A run of fewer than `min_steps` optimizer steps; or fewer than `min_steps_short` where it also
    passes over the data fewer times than any published recipe for the task.

    ## Why it matters
    What moves the weights is the number of steps, not the number of rows. A recipe made for a
    million rows (one epoch, large batches) leaves a small data set with a handful of steps, a
    tenth of them spent warming up. The loss falls a little and the model answers almost as before.

    ## How it is measured
    Rows, batch size, accumulation and epochs give the steps, counted as the Trainer counts them on
    one device. `min_steps_short` is 100, the smallest run that the Tinker cookbook advises;
    `min_steps` is 50, half of it, so that a few-shot set trained for the usual epochs is not
    reported.

    ## Example
    1,200 rows in batches of 16 for one epoch: 75 steps, while published recipes for encoders pass
    over the data 2 to 20 times.

    ## Fix
    More epochs: the usual number, or as many as give `min_steps_short` steps.

    ## When it is wrong
    For a model that already does the task and only needs a nudge, and for a trial run.

    ## Sources
    Tinker cookbook, hyperparameter notes; the sources of the standard number of epochs. Fault O09
    of the catalogue.
    """
    rows = len(dataset.train)
    if rows < recipe.effective_batch_size:
        reason = "one optimizer step takes all rows: see accumulation-exceeds-data"
        raise NotApplicableError(reason)
    steps = optimizer_steps(recipe, rows)
    standard = lookup(recipe.task, "full", "num_train_epochs")
    short = (
        recipe.max_steps <= 0 and standard is not None and recipe.num_train_epochs < standard.lowest
    )
    bound = min_steps_short if short else min_steps
    if steps >= bound:
        return
    each = steps_per_epoch(recipe, rows)
    needed = -(-min_steps_short // each)
    epochs = float(max(needed, standard.typical if standard is not None else needed))
    by_steps = recipe.max_steps > 0
    setting = "max_steps" if by_steps else "num_train_epochs"
    new: float = min_steps_short if by_steps else epochs
    yield Finding(
        message=(
            f"the run takes only {steps:,} optimizer steps: "
            + (
                f"max_steps says so, and one pass over {rows:,} rows would take {each:,}"
                if by_steps
                else f"{_passes(recipe.num_train_epochs)} over {rows:,} rows in batches of "
                f"{recipe.effective_batch_size:,}"
            )
        ),
        where=(place(recipe, setting),),
        evidence=(
            Number(
                name="optimizer steps",
                value=float(steps),
                unit="steps",
                bound=f"at least {bound:,}",
            ),
        ),
        impact="the model will be little better than before, whatever the other settings",
        fixes=(
            Fix(
                title=f"set {setting} to {new:g}",
                safety=Safety.UNSAFE,
                edits=(change(recipe, setting, new),),
            ),
        ),
    )


def _passes(epochs: float) -> str:
    return "1 pass" if epochs == 1 else f"{epochs:g} passes"
