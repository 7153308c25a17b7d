"""HYP027: settings that no published recipe comes near."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.model_family import family_of, parameters_of
from tunewell.facts.recipe import change, place, setting
from tunewell.knowledge.standard_values import StandardValue, lookup
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

PATHS = {
    "num_train_epochs": "num_train_epochs",
    "effective_batch_size": "effective_batch_size",
    "weight_decay": "weight_decay",
    "lora_r": "adapter.r",
}
"""Settings that are looked at, with their path in a recipe. The learning rate has its own check."""

Found = tuple[str, float, StandardValue]


@check(
    "HYP027",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def settings_beyond_published(
    recipe: Recipe, checkpoint: Checkpoint | None, *, factor: float = 2.0
) -> Iterator[Finding]:
    """Epochs, batch size, weight decay or rank far above every published value: advice.

    ## What it finds
    A number of epochs, an effective batch, a weight decay or a rank of the adapter that is more
    than `factor` times the largest value that any source uses for the task and method.

    ## Why it matters
    Many epochs learn the rows by heart. A large batch takes few steps, and adapters bear it worse
    than full fine-tuning. A weight decay far above 0.1 pulls the weights towards zero. These are
    choices more often than mistakes, but a slip of a decimal point shows here.

    ## How it is measured
    Against the table of standard values that `tunewell plan` shows. `factor` is 2, on the widest
    published value and not on the usual range: over the 472 example configurations of axolotl,
    LLaMA-Factory and torchtune it speaks on none.

    ## Example
    LoRA with an effective batch of 512: the largest that a source advises is 128, and one reads
    the evidence as below 32.

    ## Fix
    The usual value.

    ## When it is wrong
    For very small data sets, which need many epochs to have enough steps, and very large ones,
    which bear large batches.

    ## Sources
    Those the finding names.
    """
    family = family_of(recipe, checkpoint)
    size = parameters_of(recipe, checkpoint)
    found: list[Found] = []
    known = False
    for name, path in PATHS.items():
        standard = lookup(
            recipe.task,
            recipe.method,
            name,
            parameters=size,
            family=family.name if family is not None else None,
        )
        value = setting(recipe, path)
        if (
            standard is None
            or value is None
            or (name == "num_train_epochs" and recipe.max_steps > 0)
        ):
            continue
        known = True
        if value > factor * standard.highest > 0:
            found.append((name, float(value), standard))
    if not known:
        reason = f"nothing is published for {recipe.task} with method {recipe.method}"
        raise NotApplicableError(reason)
    if not found:
        return
    name, value, standard = found[0]
    more = f", and {counted(len(found) - 1, 'more setting')}" if len(found) > 1 else ""
    edits = tuple(
        change(recipe, PATHS[name], _typed(name, standard.typical))
        for name, _, standard in found
        if name != "effective_batch_size"
    )
    others = [standard for name, _, standard in found if name == "effective_batch_size"]
    fixes = (
        [
            Fix(
                title="set "
                + ", ".join(f"{e.path} to {e.new:g}" for e in edits if e.new is not None),
                safety=Safety.UNSAFE,
                edits=edits,
            )
        ]
        if edits and not others
        else []
    )
    fixes += [
        Fix(title=f"take about {one.typical:,.0f} rows a step", safety=Safety.MANUAL)
        for one in others
    ]
    yield Finding(
        message=(
            f"{name} {value:g} is {value / standard.highest:,.2g} times the largest published "
            f"value for {recipe.task} with {recipe.method}, {standard.highest:g}{more}"
        ),
        where=tuple(
            place(
                recipe, "per_device_train_batch_size" if n == "effective_batch_size" else PATHS[n]
            )
            for n, _, _ in found
        ),
        evidence=(
            Table(
                name="beyond every published value",
                columns=("setting", "yours", "usual", "widest", "sources"),
                rows=tuple(
                    (
                        n,
                        v,
                        f"{s.low:g} to {s.high:g}",
                        f"{s.lowest:g} to {s.highest:g}",
                        "; ".join(source.name for source in s.sources),
                    )
                    for n, v, s in found
                ),
                total=len(found),
            ),
        ),
        impact="the run is unlike any that is published for such a task",
        fixes=tuple(fixes),
    )


def _typed(name: str, value: float) -> float | int:
    return int(value) if name == "lora_r" else value
