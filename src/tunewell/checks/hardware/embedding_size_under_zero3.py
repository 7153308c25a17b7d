"""HW053: the size of an embedding is read off a weight that ZeRO-3 has emptied."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    LogLine,
    Safety,
    Severity,
    Text,
)
from tunewell.facts.embedding_sizes import resizes_embeddings, sizes_read
from tunewell.facts.recipe import place
from tunewell.facts.sharding import PARTITIONED_FROM_HERE, zero_stage
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script


@check(
    "HW053",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P20",),
)
def embedding_size_under_zero3(recipe: Recipe, script: Script) -> Iterator[Finding]:
    """Under ZeRO-3 the script reads the number of embeddings off an emptied weight: it is 0.

    ## What it finds
    `model.get_input_embeddings().weight.shape[0]` and its like, outside
    `deepspeed.zero.GatheredParameters`, in a script that also calls `resize_token_embeddings` and
    whose recipe uses stage 3 of ZeRO.

    ## Why it matters
    With stage 3 each process holds a part of every weight, and the tensor itself has no rows until
    it is gathered. `if len(tokenizer) > embedding_size` is then always true: the embedding is cut
    to the tokenizer's length, or the check that was to protect it never speaks. Checkpoints with a
    vocabulary of 0 came of it.

    ## How it is measured
    By the syntax tree: a size taken from the weight of the input embedding or the output layer,
    also through a name that was given it. `num_embeddings` and `config.vocab_size` are right under
    ZeRO-3 and are not reported, and neither is a script that never resizes.

    ## Example
    `embedding_size = model.get_input_embeddings().weight.shape[0]` with `"stage": 3`.

    ## Fix
    Ask `model.config.vocab_size` or `get_input_embeddings().num_embeddings`, or gather the weight
    first: `with deepspeed.zero.GatheredParameters(weight, modifier_rank=None):`.

    ## When it is wrong
    Where the model is made before DeepSpeed is set up, so that its weights are still whole.

    ## Sources
    huggingface/transformers issues 26112 and 25982 (`weight.shape[0]` is 0 under ZeRO-3), pull
    requests 26024 and 26387; fault P20 of the catalogue. DeepSpeed needs a GPU: the rule alone is
    tested.
    """
    if zero_stage(recipe) != PARTITIONED_FROM_HERE:
        reason = "the recipe does not use stage 3 of ZeRO"
        raise NotApplicableError(reason)
    if not resizes_embeddings(script):
        reason = "the script does not resize the embedding"
        raise NotApplicableError(reason)
    reads = sizes_read(script)
    if not reads:
        return
    yield Finding(
        message=(
            f"`{reads[0].code}` is 0 under ZeRO-3, where each process holds a part of the weight; "
            "the embedding is resized by it"
        ),
        where=(
            *(LogLine(file=str(script.path), line=read.line) for read in reads),
            place(recipe, "hardware.deepspeed"),
        ),
        evidence=(Text(name="read", text="\n".join(f"{r.line}: {r.code}" for r in reads)),),
        impact="embeddings are cut or left as they were, and nothing says so",
        fixes=(
            Fix(
                title="ask model.config.vocab_size, or gather the weight first",
                safety=Safety.MANUAL,
            ),
        ),
    )
