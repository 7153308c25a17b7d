"""HYP001: a learning rate far from everything that is published."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.recipe import change, place
from tunewell.knowledge.standard_values import StandardValue, lookup
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe


@check(
    "HYP001",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O01", "O02"),
)
def learning_rate_outside_range(
    recipe: Recipe, checkpoint: Checkpoint | None, *, factor: float = 5.0
) -> Iterator[Finding]:
    """A learning rate far outside the published range for this task, method and model size.

    ## What it finds
    A rate at least `factor` times below or above the range that published recipes agree on, and
    beyond every single value that any of them uses.

    ## Why it matters
    Far too low, the run ends before the model has learned: the loss hardly moves and the hours are
    wasted. Far too high, the pretrained weights are destroyed: the loss jumps and stays. The most
    common way to get there is a rate copied from another method: adapters (LoRA) learn best at
    about ten times the rate of full fine-tuning, preference tuning at a tenth or less.

    ## How it is measured
    Against the table of standard values, each with its sources; `tunewell plan` shows it. Where
    the model is known, its size chooses the row. `factor` is 5 because the consensus ranges
    themselves span a factor of 3 to 10 and results are flat inside them: five times outside is
    more than a decade from their middle.

    ## Example
    Full fine-tuning of a small encoder at 1e-6, a rate for preference tuning of large models; LoRA
    at 1e-5, a rate for full fine-tuning.

    ## Fix
    Set the usual value of the range.

    ## When it is wrong
    For an optimizer whose rates mean something else (Adafactor with relative steps, Lion, SGD), for
    a model trained from scratch, and for a rate that a sweep on this very task found.

    ## Sources
    Those the finding names. Faults O01 and O02 of the catalogue.
    """
    parameters = checkpoint.parameters if checkpoint is not None else 0
    standard = lookup(recipe.task, recipe.method, "learning_rate", parameters=parameters or None)
    if standard is None:
        reason = f"no published learning rates for {recipe.task} with method {recipe.method}"
        raise NotApplicableError(reason)
    rate = recipe.learning_rate
    times = standard.times_outside(rate)
    if times < factor * (1 - 1e-9) or standard.published(rate):
        return
    below = rate < standard.low
    method = "full fine-tuning" if recipe.method == "full" else recipe.method.upper()
    far = f"{times:,.0f} times" if times < float("inf") else "infinitely"
    yield Finding(
        message=(
            f"learning rate {rate:g} is {far} {'below' if below else 'above'} the published range "
            f"for {recipe.task} with {method}, {standard.low:g} to {standard.high:g}"
        ),
        where=(place(recipe, "learning_rate"),),
        evidence=(
            Number(
                name="learning rate",
                value=rate,
                bound=(
                    f"{standard.low:g} to {standard.high:g}; the widest published is "
                    f"{standard.lowest:g} to {standard.highest:g}"
                ),
            ),
            _sources(standard),
        ),
        impact=(
            "the model will hardly learn in the steps it has"
            if below
            else "training is likely to diverge or to destroy what the model knew"
        ),
        fixes=(
            Fix(
                title=f"set learning_rate to {standard.typical:g}",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "learning_rate", standard.typical),),
            ),
        ),
    )


def _sources(standard: StandardValue) -> Table:
    return Table(
        name="published values",
        columns=("source", "says"),
        rows=tuple((s.name, s.says) for s in standard.sources),
        total=len(standard.sources),
    )
