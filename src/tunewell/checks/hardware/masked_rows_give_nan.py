"""HW056: fused attention of an old PyTorch gives NaN for rows that may look at nothing."""

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
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import is_hugging_face
from tunewell.knowledge.renames import not_before
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.versions import Versions

MENDED = "2.5"
HELD = {"bert": "4.42", "roberta": "4.48", "xlm-roberta": "4.48", "distilbert": "4.46"}
"""Encoders that got fused attention, and the version of transformers that brought it. Decoders
open the rows that may look at nothing before they call the kernel."""


@check(
    "HW056",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P05",),
)
def masked_rows_give_nan(
    recipe: Recipe, checkpoint: Checkpoint, versions: Versions
) -> Iterator[Finding]:
    """Fused attention of this PyTorch may give NaN in 16 bits where batches hold padding.

    ## What it finds
    An encoder (BERT, RoBERTa, DistilBERT) that trains in 16 bits with fused attention and more than
    one row a batch, on a PyTorch older than 2.5.

    ## Why it matters
    The kernels of those versions divide by zero for a query that may look at no token, and give NaN
    instead of zero. One such row makes the loss of its batch, and all weights, NaN; which batch it
    is depends on the data, and which kernel runs on the GPU.

    ## How it is measured
    By the installed or pinned versions, the model's architecture and the recipe. With PyTorch 2.13
    rows without any token to look at give finite losses and gradients in BERT and Llama, eager and
    fused, in fp32 and bf16: that was tried, and is a test here.

    ## Example
    `torch==2.3.1`, `transformers==4.42.0`, BERT with `bf16=True`.

    ## Fix
    PyTorch 2.5 or newer, or `attn_implementation="eager"`.

    ## When it is wrong
    Where no batch holds padding.

    ## Sources
    huggingface/transformers issue 31035; pytorch issue 103749 and pull request 133882; fault P05 of
    the catalogue.
    """
    since = HELD.get(checkpoint.model_type)
    torch, transformers = versions.numbers.get("torch"), versions.numbers.get("transformers")
    if since is None or torch is None or transformers is None:
        reason = "no encoder with fused attention, or the versions are not known"
        raise NotApplicableError(reason)
    fused = recipe.hardware.attn_implementation in {None, "sdpa"} and not_before(
        transformers, since
    )
    short = recipe.precision in {"bf16", "fp16"}
    if not (fused and short and is_hugging_face(recipe)):
        reason = "attention is not fused, or not in 16 bits"
        raise NotApplicableError(reason)
    alone = recipe.per_device_train_batch_size == 1 or recipe.preparation.packing
    if alone or not_before(torch, MENDED):
        return
    yield Finding(
        message=(
            f"fused attention of torch {torch} gives NaN for a row that may look at no token, and "
            f"{checkpoint.model_type} trains with it in {recipe.precision} on padded batches"
        ),
        where=(place(recipe, "hardware.attn_implementation"), place(recipe, "precision")),
        evidence=(Text(name="versions", text=f"torch {torch}, transformers {transformers}"),),
        impact="the loss may become NaN at a batch that nobody can name beforehand",
        fixes=(
            Fix(title=f"torch {MENDED} or newer", safety=Safety.MANUAL),
            Fix(
                title='attn_implementation="eager"',
                safety=Safety.UNSAFE,
                edits=(change(recipe, "hardware.attn_implementation", "eager"),),
            ),
        ),
    )
