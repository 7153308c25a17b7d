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
from tunewell.facts.model_family import family_of, hidden_size, parameters_of
from tunewell.facts.recipe import change, place
from tunewell.knowledge.standard_values import StandardValue, lookup, tinker_rate
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
SAME_SCALE = ("adam", "ademamix")
"""Words in the names of optimizers whose rates mean what the published ones mean."""


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
    beyond every single value that any of them uses. In supervised fine-tuning a
    default that nobody chose is held against the range alone: SFTConfig of TRL trains at 2e-5
    whether there is an adapter or not, while its own guide says ten times that with one.

    ## Why it matters
    Far too low, the run ends before the model has learned: the loss hardly moves and the hours are
    wasted. Far too high, the pretrained weights are destroyed: the loss jumps and stays. The most
    common way to get there is a rate copied from another method: adapters (LoRA) learn best at
    about ten times the rate of full fine-tuning, preference tuning at a tenth or less.

    ## How it is measured
    Against the table of standard values, each with its sources; `tunewell plan` shows it. Task and
    method choose the row, then the model's family and size, read from its files or, without them,
    from its name. `factor` is 5 because the consensus ranges themselves span a factor of 3 to 10
    and results are flat inside them: five times outside is more than a decade from their middle.
    For Llama and Qwen the finding also shows what Tinker's formula gives for the model's width; it
    was made for these two and says nothing of others.

    Over the 472 example configurations of axolotl 0.19, LLaMA-Factory 0.9.5 and torchtune 0.6.1
    that set a rate, it speaks on 22, about one in twenty: full fine-tuning of a 27B model at 2e-4,
    of a 7B model at 2e-7, LoRA at 1e-5.

    ## Example
    Full fine-tuning of a small encoder at 1e-6, a rate for preference tuning of large models; LoRA
    at 1e-5, a rate for full fine-tuning.

    ## Fix
    Set the usual value of the range.

    ## When it is wrong
    For a model trained from scratch, for a loss of another scale, and for a rate that a sweep on
    this very task found. Optimizers whose rates mean something else (Lion, SGD, Adafactor, Muon)
    are left alone.

    ## Sources
    Those the finding names. Faults O01 and O02 of the catalogue.
    """
    if not any(word in recipe.optim.casefold() for word in SAME_SCALE):
        reason = f"the rates of {recipe.optim} mean something else than the published ones"
        raise NotApplicableError(reason)
    family = family_of(recipe, checkpoint)
    size = parameters_of(recipe, checkpoint)
    standard = lookup(
        recipe.task,
        recipe.method,
        "learning_rate",
        parameters=size,
        family=family.name if family is not None else None,
    )
    if standard is None:
        reason = f"no published learning rates for {recipe.task} with method {recipe.method}"
        raise NotApplicableError(reason)
    rate = recipe.learning_rate
    times = standard.times_outside(rate)
    default = recipe.task == "sft" and bool(recipe.given) and "learning_rate" not in recipe.given
    if times < factor * (1 - 1e-9) or (standard.published(rate) and not default):
        return
    below = rate < standard.low
    method = METHODS.get(recipe.method, recipe.method)
    far = f"{times:,.0f} times" if times < float("inf") else "infinitely"
    formula = tinker_rate(
        family.name if family is not None else "",
        hidden_size(checkpoint) or 0,
        lora=recipe.method != "full",
    )
    yield Finding(
        message=(
            f"learning rate {rate:g}{', the default,' if default else ''} is {far} "
            f"{'below' if below else 'above'} the published range for {recipe.task} with {method}"
            f"{_of_size(standard, size)}, {standard.low:g} to {standard.high:g}"
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
            _sources(standard, formula if recipe.task == "sft" else None),
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


def _of_size(standard: StandardValue, size: int | None) -> str:
    sized = standard.min_parameters is not None or standard.max_parameters is not None
    return f" of {size / 1e9:,.2g} billion parameters" if sized and size is not None else ""


def _sources(standard: StandardValue, formula: float | None) -> Table:
    rows = [(source.name, source.says) for source in standard.sources]
    if formula is not None:
        rows.append(("Tinker's formula for this model's width", f"{formula:.2g}"))
    return Table(
        name="published values",
        columns=("source", "says"),
        rows=tuple(rows),
        total=len(rows),
    )
