"""HW050: attention that makes its square matrix where it need not."""

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
from tunewell.facts.fused_attention import FUSED
from tunewell.facts.recipe import change, place
from tunewell.facts.written import value_of
from tunewell.plan.for_recipe import longest_row
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

GIB = 1024**3


@check(
    "HW050",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
)
def eager_attention(
    recipe: Recipe,
    checkpoint: Checkpoint,
    tokenization: Tokenization | None,
    *,
    min_length: int = 512,
) -> Iterator[Finding]:
    """Eager attention is asked for in a model that has a fused kernel.

    ## What it finds
    `attn_implementation="eager"` for an architecture with fused attention, with rows of
    `min_length` tokens or more (512).

    ## Why it matters
    Eager attention writes a matrix of rows x heads x tokens x tokens in each layer and keeps it for
    the backward pass. A fused kernel never makes it: of a model of 1.2 thousand million parameters
    with 4 rows of 1,024 tokens, eager attention needs 29.6 GiB and fused 17.4 (simulated; the
    simulation is 0.24 % off on measured runs).

    ## How it is measured
    By the recipe as it is written, the `model_type` of the model, and the longest row. Below
    `min_length` the matrix is small beside the other activations: at 512 tokens and 64 channels a
    head it is a quarter of them by the formula of Korthikanti et al. A recipe that asks for the
    attention weights (`output_attentions`) needs it and is left alone.

    ## Example
    Llama with `attn_implementation="eager"` and rows of 2,048 tokens.

    ## Fix
    `attn_implementation="sdpa"`, which is the default, or "flash_attention_2".

    ## When it is wrong
    Where the fused kernel gives NaN on this machine, or the attention weights are read elsewhere.

    ## Sources
    `_supports_sdpa` of the classes of transformers 5.23, held against the list in a test; Dao et
    al. 2022 (FlashAttention); Korthikanti et al. 2022.
    """
    hardware = recipe.hardware
    if hardware.attn_implementation != "eager":
        reason = "the recipe does not ask for eager attention"
        raise NotApplicableError(reason)
    if checkpoint.model_type not in FUSED or value_of(recipe, "output_attentions"):
        reason = "the model has no fused attention, or its weights are asked for"
        raise NotApplicableError(reason)
    length = longest_row(recipe, checkpoint, tokenization)
    if length < min_length:
        return
    heads = checkpoint.config.get("num_attention_heads") or checkpoint.config.get("n_head")
    rows = recipe.per_device_train_batch_size
    size = rows * heads * length * length * 4 if isinstance(heads, int) else None
    told = "" if size is None else f", {size / GIB:,.2f} GiB in fp32 for each layer"
    yield Finding(
        message=(
            f"eager attention makes a matrix of {rows:,} x {heads or 'heads'} x {length:,} x "
            f"{length:,} values{told}; {checkpoint.model_type} has a kernel that does not"
        ),
        where=(place(recipe, "hardware.attn_implementation"),),
        evidence=(
            Number(
                name="tokens of the longest row",
                value=float(length),
                bound=f"below {min_length:,}",
            ),
        ),
        impact="more memory and slower steps, the more the longer the rows",
        fixes=(
            Fix(
                title='attn_implementation="sdpa"',
                safety=Safety.UNSAFE,
                edits=(change(recipe, "hardware.attn_implementation", "sdpa"),),
            ),
        ),
    )
