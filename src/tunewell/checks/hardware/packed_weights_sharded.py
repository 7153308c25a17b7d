"""HW017: four-bit weights are stored in a type that FSDP cannot share out."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import place
from tunewell.facts.weights import is_hugging_face
from tunewell.facts.written import written
from tunewell.subjects.recipe import Recipe

STORAGE = "bnb_4bit_quant_storage"


@check(
    "HW017",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P19",),
)
def packed_weights_sharded(recipe: Recipe) -> Iterator[Finding]:
    """Four-bit weights under FSDP have no storage type that their adapters share.

    ## What it finds
    `load_in_4bit` with FSDP, in a recipe of transformers or TRL that does not set
    `bnb_4bit_quant_storage`.

    ## Why it matters
    By default the packed weights are stored as bytes. FSDP lays the tensors of a layer into one,
    and refuses those of different types: "Must flatten tensors with uniform dtype". That comes
    after the model was loaded on every process.

    ## How it is measured
    By the recipe as it is written. axolotl and LLaMA-Factory set the storage by themselves, and a
    trainer that is already made is left alone.

    ## Example
    QLoRA with `fsdp: full_shard auto_wrap` and `BitsAndBytesConfig(load_in_4bit=True)`.

    ## Fix
    `bnb_4bit_quant_storage` equal to the `dtype` of the other weights, usually bfloat16.

    ## When it is wrong
    When the storage is set where only a run can tell.

    ## Sources
    The page of bitsandbytes on FSDP-QLoRA; fault P19 of the catalogue. FSDP of torch 2.13 refuses
    to start without a GPU, so that the rule alone is tested. Adapters in fp32 over 16-bit weights,
    the other case of P19, are wrapped apart by `update_fsdp_plugin_peft` of transformers 5.23.
    """
    if not recipe.hardware.fsdp or not recipe.hardware.load_in_4bit or recipe.file is None:
        reason = "no four-bit weights are sharded by FSDP"
        raise NotApplicableError(reason)
    if not is_hugging_face(recipe):
        reason = "what reads the recipe sets the storage by itself"
        raise NotApplicableError(reason)
    if written(recipe, STORAGE) is not None:
        return
    yield Finding(
        message=(
            "four-bit weights are stored as bytes, and FSDP lays them into one tensor with the "
            f"16-bit weights beside them: it refuses that without {STORAGE}"
        ),
        where=(place(recipe, "hardware.load_in_4bit"), place(recipe, "hardware.fsdp")),
        evidence=(Text(name=STORAGE, text="not given: uint8"),),
        impact="the run ends before its first step",
        fixes=(Fix(title=f'set {STORAGE}="bfloat16"', safety=Safety.MANUAL),),
    )
