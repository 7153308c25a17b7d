"""HW011: bf16 on a machine that does not compute in it."""

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
from tunewell.facts.written import value_of
from tunewell.knowledge import gpus
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe


@check(
    "HW011",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P11",),
)
def bf16_without_hardware(recipe: Recipe, machine: Machine) -> Iterator[Finding]:
    """The recipe trains in bf16, and the machine at hand does not compute in it.

    ## What it finds
    - a warning for a GPU that only emulates bf16 (T4, V100);
    - information where this machine has no GPU at all: transformers refuses the recipe here, unless
      `use_cpu` is set.

    ## Why it matters
    Older GPUs have fast units for fp16 and none for bf16: every step is several times slower than
    it need be. Without a GPU the arguments raise before anything is loaded, and the configs of TRL
    ask for bf16 where nothing is said.

    ## How it is measured
    By the name of the GPU, in the table of GPUs that Tunewell keeps with a source for each. A GPU
    that is not in it is left alone. Having no GPU is information only: a recipe is often looked at
    on another machine than the one that will train.

    ## Example
    `bf16=True` on a T4; `SFTConfig()` on a laptop.

    ## Fix
    `fp16=True` on an older GPU, or fp32 where the model is small enough. Without one, `use_cpu`.

    ## When it is wrong
    When another machine will train.

    ## Sources
    `TrainingArguments._validate_args` of transformers 5.23 ("Your setup doesn't support bf16/gpu"),
    reproduced without a GPU; `torch.cuda.is_bf16_supported` of torch 2.13, which counts emulation
    as support, so that a T4 is no longer refused. Fault P11 of the catalogue.
    """
    if recipe.precision != "bf16":
        reason = "the recipe does not train in bf16"
        raise NotApplicableError(reason)
    if machine.gpu_name is None:
        on_cpu = recipe.hardware.use_cpu or value_of(recipe, "use_cpu", "no_cuda")
        if machine.gpus == 0 and is_hugging_face(recipe) and not on_cpu:
            yield _no_gpu(recipe)
        return
    gpu = gpus.find(machine.gpu_name)
    if gpu is None or gpu.bf16:
        return
    yield Finding(
        message=f"bf16 is emulated on the {gpu.name}, which has fast units for fp16 alone",
        where=(place(recipe, "precision"),),
        evidence=(Text(name="GPU", text=f"{machine.gpu_name} ({gpu.source})"),),
        impact="each step is several times slower",
        fixes=(
            Fix(
                title="train in fp16",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "precision", "fp16"),),
            ),
        ),
    )


def _no_gpu(recipe: Recipe) -> Finding:
    return Finding(
        message="bf16 is asked for, and this machine has no GPU: transformers refuses it here",
        severity=Severity.INFO,
        confidence=Confidence.HIGH,
        where=(place(recipe, "precision"),),
        impact="the run starts on a machine with a GPU only, or with use_cpu",
        fixes=(Fix(title="to train here, set use_cpu", safety=Safety.MANUAL),),
    )
