"""HYP017: the number of steps overrides the number of epochs that was written."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place, steps_per_epoch
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


@check("HYP017", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("O37",))
def epochs_overridden_by_steps(
    recipe: Recipe,
    dataset: Dataset | None,
    *,
    least_share: float = 0.9,
    most_epochs: float = 10.0,
) -> Iterator[Finding]:
    """Both steps and epochs are set, and the steps make another run than the epochs say.

    ## What it finds
    `max_steps` beside `num_train_epochs` where the steps cover less than `least_share` of the
    epochs, or more than `most_epochs` passes that nobody asked for. Without the data it is told as
    advice that several epochs do not count; one epoch, which stands in many files as a matter of
    course, is advice at most.

    ## Why it matters
    `max_steps` wins without a word. Examples carry it to be quick: the run then ends after a few
    hundred rows of a large data set, or passes over a small one a hundred times.

    ## How it is measured
    Steps times rows of one step, by the rows of the training data. `least_share` is 0.9, so that a
    rounding of the steps is not told; `most_epochs` is 10: no published recipe for language models
    passes over the data more than 6 times.

    ## Example
    10,000 rows in batches of 8, `num_train_epochs=10` and `max_steps=300`: 0.24 epochs.

    ## Fix
    Take `max_steps` out, or set it to -1.

    ## When it is wrong
    When the epochs were left behind on purpose and the steps are what is meant.

    ## Sources
    transformers, `TrainingArguments.max_steps`: "overrides num_train_epochs". Fault O37 of the
    catalogue, reproduced with 5.23: the run ends at epoch 0.03, with no message.
    """
    if recipe.max_steps <= 0 or not {"max_steps", "num_train_epochs"} <= recipe.given:
        reason = "steps and epochs are not both set"
        raise NotApplicableError(reason)
    wanted = recipe.num_train_epochs
    fix = Fix(
        title="take max_steps out, so that the epochs count",
        safety=Safety.UNSAFE,
        edits=(change(recipe, "max_steps", -1),),
    )
    if dataset is None or not len(dataset.train):
        if wanted <= 1:
            return
        yield Finding(
            message=(
                f"max_steps ({recipe.max_steps:,}) decides how long the run is; "
                f"num_train_epochs ({wanted:g}) does not count"
            ),
            where=(place(recipe, "max_steps"), place(recipe, "num_train_epochs")),
            impact="the run may be much shorter or longer than the epochs say",
            fixes=(fix,),
            severity=Severity.INFO,
        )
        return
    rows = len(dataset.train)
    covered = recipe.max_steps / steps_per_epoch(recipe, rows)
    short = covered < least_share * wanted
    if not short and (covered <= most_epochs or covered <= wanted / least_share):
        return
    yield Finding(
        message=(
            f"the run covers {covered:.2g} epochs of {rows:,} rows, not {wanted:g}: "
            f"max_steps ({recipe.max_steps:,}) overrides num_train_epochs"
        ),
        where=(place(recipe, "max_steps"), place(recipe, "num_train_epochs")),
        evidence=(
            Number(
                name="epochs covered",
                value=covered,
                unit="epochs",
                bound=f"{least_share * wanted:g} to {max(most_epochs, wanted):g}",
            ),
        ),
        impact=(
            "most of the data is never seen" if covered < 1 else "another run than was written"
        ),
        fixes=(fix,),
        severity=Severity.WARNING if wanted > 1 or not short else Severity.INFO,
    )
