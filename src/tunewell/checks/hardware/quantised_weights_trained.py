"""HW016: quantised weights without an adapter cannot be trained."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity
from tunewell.facts.recipe import place
from tunewell.facts.trainer_script import mentions
from tunewell.facts.weights import is_hugging_face
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

MAKES_ADAPTERS = (
    "get_peft_model", "PeftModel", "AutoPeftModelForCausalLM", "LoraConfig", "add_adapter",
    "peft_config", "load_adapter", "prepare_model_for_kbit_training", "FastLanguageModel",
)  # fmt: skip
"""Names that a script cannot do without if it trains an adapter."""

RAISING = frozenset({"llamafactory", "llamafactory-v1"})
"""Formats, beside those of Hugging Face, whose reader refuses it by itself."""


@check("HW016", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P27",))
def quantised_weights_trained(recipe: Recipe, script: Script | None) -> Iterator[Finding]:
    """The model is loaded in four or eight bits, and no adapter is there to be trained.

    ## What it finds
    `load_in_4bit` or `load_in_8bit` with full fine-tuning.

    ## Why it matters
    Quantised weights take no gradient. The Trainer refuses the model before the first step, after
    it was fetched and loaded.

    ## How it is measured
    By the recipe. A script in which the names of PEFT occur is left alone: the adapter may be made
    where only a run can tell. The finding is sure where transformers, TRL or LLaMA-Factory reads
    the recipe, which raise; with other formats it is likely.

    ## Example
    `load_in_4bit: true` without `use_peft: true`.

    ## Fix
    Train a LoRA adapter, or load the weights in 16 bits. Do not call `merge_and_unload()` before
    training: it takes the adapter away.

    ## When it is wrong
    With a method of quantisation that is made for training (quantisation-aware training).

    ## Sources
    `validate_quantization_for_training` of transformers 5.23: "You cannot perform fine-tuning on
    purely quantized models"; fault P27 of the catalogue, whose condition is reproduced without a
    GPU.
    """
    hardware = recipe.hardware
    if not (hardware.load_in_4bit or hardware.load_in_8bit):
        reason = "no weight is quantised"
        raise NotApplicableError(reason)
    adapted = recipe.method != "full" or recipe.adapter is not None
    if adapted or (script is not None and mentions(script, *MAKES_ADAPTERS)):
        return
    bits, key = (4, "load_in_4bit") if hardware.load_in_4bit else (8, "load_in_8bit")
    sure = is_hugging_face(recipe) or recipe.format in RAISING
    yield Finding(
        message=(
            f"the weights are loaded in {bits} bits and no adapter is trained: quantised weights "
            "alone cannot be fine-tuned, and the run is refused"
        ),
        where=(place(recipe, f"hardware.{key}"), place(recipe, "method")),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        impact="the run ends before its first step",
        fixes=(Fix(title="train a LoRA adapter over the quantised weights", safety=Safety.MANUAL),),
    )
