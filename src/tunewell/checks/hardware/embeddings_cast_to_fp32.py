"""HW054: preparing a packed model doubles what was left unpacked."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.recipe import place
from tunewell.facts.trainer_script import mentions
from tunewell.plan.memory import NF4_BYTES, ModelSize
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

GIB = 1024**3
PREPARES = "prepare_model_for_kbit_training"


@check(
    "HW054",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
    covers=("P08",),
)
def embeddings_cast_to_fp32(
    recipe: Recipe,
    checkpoint: Checkpoint,
    script: Script,
    *,
    min_share: float = 0.15,
    min_gib: float = 0.5,
) -> Iterator[Finding]:
    """`prepare_model_for_kbit_training` casts the embedding and the head to fp32.

    ## What it finds
    A script that calls it on a model loaded in 4 or 8 bits, where the embedding and the head in
    fp32 are more than `min_share` of the weights' memory (0.15) and `min_gib` GiB (0.5) above what
    they were.

    ## Why it matters
    Four-bit loading packs the layers and leaves embedding and head in 16 bits. The call makes fp32
    of everything that is not packed: with a vocabulary of 128,256 words that is 2 GiB more, and the
    residual stream becomes fp32 too, so that activations take twice as much. QLoRA can then need
    more memory than LoRA in 16 bits does.

    ## How it is measured
    By the shapes in the model's files: the values that are not packed, times 2 bytes. PEFT's own
    cast was held against it in a test. Only a script that calls the function is looked at.

    ## Example
    Llama-3.1-8B in four bits: 5.7 GB of weights become 7.8.

    ## Fix
    Leave the call out and switch gradient checkpointing on in the training arguments; PEFT makes
    the adapters fp32 by itself, and RMS norms compute in fp32 whatever they are stored in.

    ## When it is wrong
    Where memory is plentiful, or training without it is unstable.

    ## Sources
    `prepare_model_for_kbit_training` of PEFT 0.21; bitsandbytes issue 1569 (63.1 GB without it,
    81.1 GB with it, 72.8 GB for LoRA in bf16); huggingface/trl pull request 4457, which took the
    cast out; fault P08 of the catalogue.
    """
    hardware = recipe.hardware
    if not (hardware.load_in_4bit or hardware.load_in_8bit) or not mentions(script, PREPARES):
        reason = "no packed model is prepared by that function"
        raise NotApplicableError(reason)
    size = ModelSize.of(checkpoint, task=recipe.task)
    if size is None:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    rest = size.parameters - size.block_parameters
    packed = int(size.block_parameters * (NF4_BYTES if hardware.load_in_4bit else 1))
    before, more = packed + 2 * rest, 2 * rest
    if more < min_gib * GIB or more < min_share * before:
        return
    bits = "load_in_4bit" if hardware.load_in_4bit else "load_in_8bit"
    yield Finding(
        message=(
            f"{PREPARES} makes fp32 of the {rest / 1e6:,.0f} million values that are not packed: "
            f"{more / GIB:,.1f} GiB more, {100 * more / before:.0f} % of the weights"
        ),
        where=(File(path=str(script.path)), place(recipe, f"hardware.{bits}")),
        evidence=(
            Number(
                name="more memory for weights",
                value=float(more),
                unit="bytes",
                bound=f"at most {int(min_share * before):,} bytes",
            ),
            Table(
                name="weights",
                columns=("what", "GiB before", "GiB after"),
                rows=(
                    ("packed layers", round(packed / GIB, 2), round(packed / GIB, 2)),
                    ("embedding, head, norms", round(2 * rest / GIB, 2), round(4 * rest / GIB, 2)),
                ),
                total=2,
            ),
        ),
        impact="more memory than planned, for weights and for activations",
        fixes=(
            Fix(
                title=f"leave {PREPARES} out, and switch checkpointing on in the arguments",
                safety=Safety.MANUAL,
            ),
        ),
    )
