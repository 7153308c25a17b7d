"""HW012: FlashAttention is given fp32."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import loaded_weights
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

KERNELS = "flash_attention_"


@check("HW012", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P09",))
def flash_attention_in_fp32(recipe: Recipe, checkpoint: Checkpoint | None) -> Iterator[Finding]:
    """FlashAttention is asked for, and the model computes in fp32.

    ## What it finds
    `attn_implementation="flash_attention_2"` (or 3, 4) with fp32 weights and without mixed
    precision.

    ## Why it matters
    The kernel takes 16-bit numbers alone. The run ends at its first step with "FlashAttention only
    support fp16 and bf16 data type".

    ## How it is measured
    By the recipe, and by the `dtype` in config.json where the recipe gives none. With `bf16` or
    `fp16` transformers casts what it hands to the kernel, and fp32 weights are fine.

    ## Example
    `from_pretrained(..., dtype="float32", attn_implementation="flash_attention_2")`, no `bf16`.

    ## Fix
    `bf16=True`, or `attn_implementation="sdpa"`.

    ## When it is wrong
    When the code casts by itself, with `torch.autocast` around the step.

    ## Sources
    `get_target_dtype` in `integrations/flash_attention.py` of transformers 5.23, which is tested
    here; the kernel itself needs a GPU. Fault P09 of the catalogue.
    """
    chosen = recipe.hardware.attn_implementation or ""
    if KERNELS not in chosen:
        reason = "the recipe does not ask for FlashAttention"
        raise NotApplicableError(reason)
    loaded = loaded_weights(recipe, checkpoint)
    if loaded is None:
        reason = "the precision of the loaded weights is not known"
        raise NotApplicableError(reason)
    quantised = recipe.hardware.load_in_4bit or recipe.hardware.load_in_8bit
    if loaded.dtype != "float32" or recipe.precision != "fp32" or quantised:
        return
    yield Finding(
        message=(
            f"{chosen} takes fp16 and bf16 alone, and the model computes in fp32: no mixed "
            "precision is set"
        ),
        where=(place(recipe, "hardware.attn_implementation"), place(recipe, "precision")),
        evidence=(Text(name="precision of the weights", text=loaded.dtype),),
        impact="the run ends at its first step",
        fixes=(
            Fix(
                title="train in mixed precision: bf16",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "precision", "bf16"),),
            ),
        ),
    )
