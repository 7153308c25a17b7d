"""HYP023: KTO with one row a device."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe

WITHOUT_KL = frozenset({"apo_zero_unpaired"})
USUAL = 4


@check("HYP023", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("R16",))
def kto_batch_of_one(recipe: Recipe, *, min_rows: int = 2) -> Iterator[Finding]:
    """KTO with a batch of one row, from which its divergence cannot be estimated.

    ## What it finds
    Fewer than `min_rows` rows a device with KTO; accumulation does not count.

    ## Why it matters
    KTO estimates how far the model has moved from completions paired with the prompts of other rows
    of the same batch. With one row the estimate equals the reward itself and the loss says nothing.
    TRL refuses it after the model was loaded; axolotl and LLaMA-Factory examples with a batch of
    one and much accumulation cannot be carried over.

    ## How it is measured
    The rows a device. `min_rows` is 2, TRL's own limit. The loss "apo_zero_unpaired" needs no
    estimate and is left alone; so are formats that do not train KTO with TRL's trainer.

    ## Example
    `KTOConfig(per_device_train_batch_size=1, gradient_accumulation_steps=16)`.

    ## Fix
    More rows a device and less accumulation.

    ## When it is wrong
    Never with TRL's trainer, which raises.

    ## Sources
    TRL, `KTOTrainer.__init__`. Fault R16 of the catalogue, reproduced with TRL 1.16.
    """
    if recipe.task != "kto" or recipe.preference.loss_type in WITHOUT_KL:
        reason = "no KTO with an estimate of the divergence"
        raise NotApplicableError(reason)
    rows = recipe.per_device_train_batch_size
    if recipe.format in {"llamafactory", "llama-factory"}:
        reason = "this program pairs the rows of KTO in its own way"
        raise NotApplicableError(reason)
    if rows >= min_rows:
        return
    steps = recipe.gradient_accumulation_steps
    batch = max(min_rows, USUAL if steps % USUAL == 0 else min_rows)
    edits = [change(recipe, "per_device_train_batch_size", batch)]
    if steps > 1:
        edits.append(change(recipe, "gradient_accumulation_steps", max(1, steps // batch)))
    yield Finding(
        message=f"KTO with {rows:,} row a device has nothing to estimate its divergence from",
        where=(place(recipe, "per_device_train_batch_size"),),
        evidence=(
            Number(
                name="rows a device", value=float(rows), unit="rows", bound=f"at least {min_rows}"
            ),
        ),
        impact="TRL refuses the settings after the model was loaded",
        fixes=(
            Fix(
                title=f"take {batch} rows a device, and accumulate less",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )
