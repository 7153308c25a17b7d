"""HW010: every weight is trained, and the weights are kept in 16 bits."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import Loaded, is_hugging_face, loaded_weights, trains_every_weight
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe

BITS = {"bfloat16": 8, "float16": 11}
"""Significant bits of a number, the one that is not stored included."""


@check(
    "HW010",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P03", "P04"),
)
def half_precision_weights(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    state: ModelState | None,
    *,
    typical_weight: float = 0.02,
) -> Iterator[Finding]:
    """All weights are trained in 16 bits, where most steps are too small to change them.

    ## What it finds
    Full fine-tuning of weights that are in bf16 or fp16:

    - an error for fp16 weights with `fp16=True`: the gradient scaler refuses them at step one;
    - a warning where nobody asked for 16 bits. transformers 5 loads a model in the precision of its
      files where `dtype` is not given; before it loaded fp32;
    - a warning for fp16 weights without a scaler, whose gradients vanish below 6e-8.

    bf16 weights that the recipe asks for are a choice, and nothing is said.

    ## Why it matters
    A step that is smaller than half the distance to the next number leaves the weight as it is. The
    loss still falls, more slowly, and to a worse end. Mixed precision (`bf16=True`) helps only over
    fp32 weights: it casts them for the computation and keeps them as they are.

    ## How it is measured
    By the given `dtype`, the trainer's own model, or the `dtype` in config.json. AdamW moves each
    weight by about the learning rate. A number w in bf16 has 8 significant bits, so that it moves
    only by steps of about w / 512 or more. The finding says what share of a weight's own size the
    rate is, for a weight of `typical_weight` (0.02, the deviation that most models are initialised
    with). Where a real step was taken, its measure is left to speak. A tiny Llama in bf16 moved
    14 % of its weights in one step at 1e-5, in fp32 all of them.

    ## Example
    `AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")` and a learning rate of 1e-5.

    ## Fix
    Load with `dtype="float32"` and set `bf16=True`, or train adapters over the 16-bit weights.

    ## When it is wrong
    With an optimizer that rounds at random or keeps fp32 copies of its own.

    ## Sources
    transformers 5 migration guide ("dtype" defaults to "auto"); `torch.amp.GradScaler.unscale_`:
    "Attempting to unscale FP16 gradients". Faults P03 and P04 of the catalogue, both reproduced.
    """
    if not trains_every_weight(recipe):
        reason = "adapters are trained, and the weights beside them stay as they are"
        raise NotApplicableError(reason)
    if recipe.hardware.deepspeed or recipe.hardware.fsdp or "anyprecision" in recipe.optim:
        reason = "what shards the weights or steps them keeps copies of its own"
        raise NotApplicableError(reason)
    if not is_hugging_face(recipe):
        reason = "what reads the recipe has rules of its own for the weights"
        raise NotApplicableError(reason)
    loaded = loaded_weights(recipe, checkpoint)
    if loaded is None:
        reason = "the precision of the loaded weights is not known"
        raise NotApplicableError(reason)
    if loaded.dtype == "float16" and recipe.precision == "fp16":
        yield _refused(recipe)
    elif state is not None:
        reason = "a real step was taken, and tells how many weights move"
        raise NotApplicableError(reason)
    elif loaded.dtype == "float16" or (loaded.dtype == "bfloat16" and not loaded.chosen):
        yield _too_coarse(recipe, loaded, typical_weight)


def _fix(recipe: Recipe) -> Fix:
    return Fix(
        title="load the weights in float32 and leave 16 bits to mixed precision",
        safety=Safety.UNSAFE,
        edits=(change(recipe, "hardware.dtype", "float32"),),
    )


def _refused(recipe: Recipe) -> Finding:
    return Finding(
        message=(
            "fp16 weights are trained with fp16=True: the gradient scaler stops the run at its "
            "first step (Attempting to unscale FP16 gradients)"
        ),
        where=(place(recipe, "hardware.dtype"), place(recipe, "precision")),
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        impact="the run ends at its first step",
        fixes=(_fix(recipe),),
    )


def _too_coarse(recipe: Recipe, loaded: Loaded, typical: float) -> Finding:
    smallest = typical / 2 ** (BITS[loaded.dtype] + 1)
    whose = "as asked for" if loaded.chosen else "which nobody asked for: the model's files are"
    return Finding(
        message=(
            f"every weight is trained in {loaded.dtype}, {whose}; a weight of {typical:g} moves "
            f"by steps of {smallest:.1g} or more, and the learning rate is "
            f"{recipe.learning_rate:.1g}"
        ),
        where=(place(recipe, "hardware.dtype"),),
        evidence=(
            Number(
                name=f"smallest step that moves a weight of {typical:g}",
                value=smallest,
                bound=f"at most the learning rate, {recipe.learning_rate:g}",
            ),
        ),
        impact="most steps leave most weights as they are",
        fixes=(_fix(recipe),),
    )
