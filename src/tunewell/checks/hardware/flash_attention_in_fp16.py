"""HW055: FlashAttention of an old transformers computes in fp16 in a bf16 run."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Safety,
    Severity,
    Text,
)
from tunewell.facts.recipe import place
from tunewell.facts.written import value_of
from tunewell.knowledge.renames import not_before
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.versions import Versions

BROUGHT, MENDED = "4.34", "4.35"
"""FlashAttention-2 came to transformers with the one, and asks for the right type since the other
version."""


@check(
    "HW055",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P10",),
)
def flash_attention_in_fp16(recipe: Recipe, versions: Versions) -> Iterator[Finding]:
    """This version of transformers casts to fp16 before FlashAttention, in a bf16 run too.

    ## What it finds
    FlashAttention-2 in a bf16 run with transformers 4.34.

    ## Why it matters
    Where hidden states are fp32 (norms that were cast for training in 4 or 8 bits, or fp32
    weights), that version casts queries, keys and values to fp16, whatever the run computes in.
    What bf16 holds and fp16 does not, above 65,504, becomes infinite, and nothing is said but a
    warning in the log.

    ## How it is measured
    By the version that is installed or pinned, the attention that is asked for, and the precision.

    ## Example
    `transformers==4.34.1`, `use_flash_attention_2=True`, `bf16=True`, `load_in_4bit=True`.

    ## Fix
    transformers 4.35 or newer, which takes the type from the weights.

    ## When it is wrong
    Where all weights and norms are bf16: then nothing is cast.

    ## Sources
    `LlamaFlashAttention2.forward` in the files of transformers 4.34.1, 4.35.0 and 4.36.0, read side
    by side; huggingface/transformers issue 26451; fault P10 of the catalogue.
    """
    chosen = recipe.hardware.attn_implementation or ""
    older = value_of(recipe, "use_flash_attention_2", "flash_attention")
    asked = "flash_attention" in chosen or older
    if not asked or recipe.precision != "bf16":
        reason = "no FlashAttention in a bf16 run"
        raise NotApplicableError(reason)
    version = versions.numbers.get("transformers")
    if version is None:
        reason = "the version of transformers is not known"
        raise NotApplicableError(reason)
    if not not_before(version, BROUGHT) or not_before(version, MENDED):
        return
    yield Finding(
        message=(
            f"transformers {version} casts fp32 hidden states to fp16 before FlashAttention, and "
            "the run computes in bf16"
        ),
        where=(place(recipe, "hardware.attn_implementation"), place(recipe, "precision")),
        evidence=(Text(name="transformers", text=version),),
        impact="attention overflows where bf16 would not",
        fixes=(Fix(title=f"transformers {MENDED} or newer", safety=Safety.MANUAL),),
    )
