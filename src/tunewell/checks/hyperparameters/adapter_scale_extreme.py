"""HYP014: the factor on an adapter's update is beyond everything that is published."""

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
)
from tunewell.facts.adapter import is_lora, scale
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe


@check(
    "HYP014",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O19",),
)
def adapter_scale_extreme(
    recipe: Recipe, *, lowest: float = 0.0625, highest: float = 32.0
) -> Iterator[Finding]:
    """The scale of the adapter, alpha by rank, is far beyond published values.

    ## What it finds
    A LoRA adapter whose update is multiplied by less than `lowest` or more than `highest`.

    ## Why it matters
    The adapter's update is multiplied by alpha divided by the rank, or by the root of the rank
    with rank-stabilised LoRA. Alpha left behind when the rank was raised, or kept at twice the rank
    with `use_rslora`, changes the speed of learning as the learning rate does: almost nothing is
    learned, or the run diverges.

    ## How it is measured
    By division. The 308 example configurations of axolotl, LLaMA-Factory and torchtune that set a
    rank use 0.25 to 4. LoRA Without Regret and TRL's account of it keep alpha fixed over ranks from
    1 to 512, which is 0.0625 at alpha 32 and rank 512 and 32 at rank 1: `lowest` (0.0625) and
    `highest` (32) are these two.

    ## Example
    Rank 1024 with alpha 16: 0.016. Measured on a small model, the loss then falls a tenth as far.

    ## Fix
    Alpha equal to the rank, or to its root with `use_rslora`; twice that is as common.

    ## When it is wrong
    When the learning rate was chosen for just this scale: a hundredth of the scale with a hundred
    times the rate is much the same run.

    ## Sources
    PEFT, `LoraConfig`; LoRA Without Regret, Thinking Machines 2025; Kalajdzievski 2023 for the
    rank-stabilised scale. Fault O19 of the catalogue, reproduced with PEFT 0.21.
    """
    adapter = recipe.adapter
    if adapter is None or not is_lora(recipe) or adapter.r < 1:
        reason = "the recipe trains no LoRA adapter"
        raise NotApplicableError(reason)
    value = scale(adapter)
    tolerance = 1e-9
    if lowest * (1 - tolerance) <= value <= highest * (1 + tolerance):
        return
    below = value < lowest
    by = "the root of the rank" if adapter.use_rslora else "the rank"
    usual = max(1, round(adapter.r**0.5)) if adapter.use_rslora else adapter.r
    yield Finding(
        message=(
            f"the adapter's update is multiplied by {value:.3g} (alpha {adapter.lora_alpha:g} by "
            f"{by}, rank {adapter.r:,}), {'below' if below else 'above'} every published value"
        ),
        where=(place(recipe, "adapter.lora_alpha"),),
        evidence=(
            Number(name="scale of the adapter", value=value, bound=f"{lowest:g} to {highest:g}"),
        ),
        impact=(
            "the adapter hardly changes the model"
            if below
            else "training is likely to diverge at a usual learning rate"
        ),
        fixes=(
            Fix(
                title=f"set lora_alpha to {usual:,}, a scale of 1",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "adapter.lora_alpha", usual),),
            ),
        ),
    )
