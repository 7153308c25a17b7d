"""HW049: fp32 on a GPU that is several times faster in 16 bits."""

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
from tunewell.facts.machine import require_training_machine
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import loaded_weights
from tunewell.knowledge import gpus
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe


@check(
    "HW049",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
)
def fp32_on_a_fast_gpu(
    recipe: Recipe, machine: Machine, checkpoint: Checkpoint | None, *, min_gain: float = 2.0
) -> Iterator[Finding]:
    """Everything is computed in fp32, and the GPU is several times faster in 16 bits.

    ## What it finds
    fp32 weights without mixed precision and without TF32, on a GPU whose matrix units do at least
    `min_gain` times as many operations a second in 16 bits (2).

    ## Why it matters
    The fast units of the GPU stand idle. Activations take twice the memory too.

    ## How it is measured
    By the recipe, by the precision of the weights, and by the GPU's peak rates in the table that
    Tunewell keeps with its sources. The peaks bound the gain: a model that is small, or whose steps
    wait for data, gains less. PyTorch leaves TF32 off unless it is asked for.

    ## Example
    `TrainingArguments()` as it comes, on an A100: 19.5 million million operations a second in
    place of 312.

    ## Fix
    `bf16=True`: the weights stay fp32, and products of matrices are computed in bf16. `tf32=True`
    on Ampere and newer keeps fp32's range with 10 bits of mantissa. On a T4 or V100 `fp16=True`.

    ## When it is wrong
    Where a computation needs the digits of fp32.

    ## Sources
    knowledge/gpus.toml; NVIDIA, Accelerating AI training with TF32; `tf32` of
    `transformers.TrainingArguments` 5.23.
    """
    require_training_machine(recipe, machine)
    gpu = gpus.find(machine.gpu_name) if machine.gpu_name else None
    if gpu is None or recipe.hardware.use_cpu:
        reason = "the GPU is not known"
        raise NotApplicableError(reason)
    hardware = recipe.hardware
    if recipe.precision != "fp32" or hardware.load_in_4bit or hardware.load_in_8bit:
        reason = "the recipe trains in 16 bits, or with packed weights"
        raise NotApplicableError(reason)
    loaded = loaded_weights(recipe, checkpoint)
    if recipe.format != "tunewell" and (loaded is None or loaded.dtype != "float32"):
        reason = "the weights are not fp32, or it is not known"
        raise NotApplicableError(reason)
    gain = gpu.tflops_16 / gpu.tflops_32
    if hardware.tf32 or hardware.torch_compile or gain < min_gain:
        return
    short = "bf16" if gpu.bf16 else "fp16"
    yield Finding(
        message=(
            f"everything is computed in fp32; the {gpu.name} does up to {gain:.0f} times as many "
            f"operations a second in {short}"
        ),
        where=(place(recipe, "precision"),),
        evidence=(
            Number(
                name=f"peak in {short} over peak in fp32",
                value=gain,
                bound=f"below {min_gain:g}",
            ),
        ),
        impact=f"steps are up to {gain:.0f} times slower than they need be, less where they wait",
        fixes=(
            Fix(
                title=f"mixed precision: {short}",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "precision", short),),
            ),
        ),
    )
