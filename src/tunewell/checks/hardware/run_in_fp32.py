"""HW062: a run on a GPU that computed in fp32 throughout."""

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
    Steps,
)
from tunewell.facts.throughput import computes_in_16_bits
from tunewell.knowledge import gpus
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Trace

WIDE = frozenset({"float32", "torch.float32"})
BY_SWITCHES = frozenset({"transformers"})
"""Trainers whose settings tell all that there is to know of the precision."""


@check(
    "HW062",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
)
def run_in_fp32(trace: Trace, state: ModelState, *, min_gain: float = 2.0) -> Iterator[Finding]:
    """The run computed in fp32 on a GPU that is several times faster in 16 bits.

    ## What it finds
    A watched run of the Trainer with neither `bf16`, `fp16` nor `tf32`, all of whose weights were
    fp32, on a GPU that does at least `min_gain` times as many operations a second in 16 bits (2).

    ## Why it matters
    The fast units of the GPU stood idle, and activations took twice the memory.

    ## How it is measured
    By the settings that the run recorded, the type of every weight at its first step, and the name
    of the GPU in the table that Tunewell keeps with its sources. The peaks bound the gain.

    ## Example
    `TrainingArguments()` as it comes, on an H100.

    ## Fix
    `bf16=True`, or `tf32=True` on Ampere and newer; `fp16=True` on a T4 or V100.

    ## When it is wrong
    Where the code casts by itself, or sets TF32 through torch.

    ## Sources
    knowledge/gpus.toml; NVIDIA, Accelerating AI training with TF32.
    """
    gpu = gpus.find(trace.gpu_name) if trace.gpu_name else None
    if gpu is None or trace.framework not in BY_SWITCHES:
        reason = "the GPU or the precision of the run is not known"
        raise NotApplicableError(reason)
    short = computes_in_16_bits(trace)
    if short is None or not state.tensors or state.stand_in:
        reason = "the precision of the run is not known"
        raise NotApplicableError(reason)
    gain = gpu.tflops_16 / gpu.tflops_32
    helped = trace.settings.get("tf32") is True or trace.settings.get("torch_compile") is True
    wide = all(tensor.dtype in WIDE for tensor in state.tensors)
    if short or helped or not wide or gain < min_gain:
        return
    name = "bf16" if gpu.bf16 else "fp16"
    yield Finding(
        message=(
            f"the run computes in fp32; the {gpu.name} does up to {gain:.0f} times as many "
            f"operations a second in {name}"
        ),
        where=(Steps(metric="step_seconds", first=1, last=max(1, trace.last_step)),),
        evidence=(
            Number(
                name=f"peak in {name} over peak in fp32",
                value=gain,
                bound=f"below {min_gain:g}",
            ),
        ),
        impact=f"steps are up to {gain:.0f} times slower than they need be, less where they wait",
        fixes=(Fix(title=f"mixed precision: {name}=True", safety=Safety.MANUAL),),
    )
