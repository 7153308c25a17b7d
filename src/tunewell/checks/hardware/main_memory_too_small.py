"""HW047: what the run keeps in main memory does not fit there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.machine import require_training_machine
from tunewell.facts.optimizer_states import FP32_STATES, state_bytes
from tunewell.facts.recipe import place
from tunewell.facts.sharding import fsdp_offloads, offloads
from tunewell.facts.weights import loaded_weights, trains_every_weight
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

GIB = 1024**3
SIZES = {"float32": 4, "bfloat16": 2, "float16": 2}
MASTER, GRADIENT = 4, 4
"""Bytes of a trained value: its copy in fp32 and its gradient, both beside the optimizer."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in main memory: `sure` at least, `likely` with what is usual. `parts` add up to it."""

    sure: int
    likely: int
    parts: tuple[tuple[str, int], ...]
    why: str
    at: Key
    fix: str


@check(
    "HW047",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
)
def main_memory_too_small(
    recipe: Recipe, checkpoint: Checkpoint, machine: Machine, *, usable: float = 1.0
) -> Iterator[Finding]:
    """Offloaded states, or the weights while they are loaded, are more than the main memory.

    ## What it finds
    An error where what certainly lies in main memory at once is more than there is, a warning where
    it is with what DeepSpeed counts beside it:

    - optimizer, weights or gradients that DeepSpeed or FSDP offload to the processor;
    - weights that every process loads into main memory first, in another precision than that of
      the files.

    ## Why it matters
    The system kills the process without a word of Python ("Killed", exit status 137 or -9), often
    after the model was loaded for minutes. In a container its own limit counts.

    ## How it is measured
    By the values in the model's files. Offloading the optimizer keeps an fp32 copy of each trained
    value (4 bytes) and the optimizer's states (8 bytes for AdamW); that is certain for DeepSpeed,
    whose own estimator counts 16 bytes a value, with the gradients. FSDP may hold both in 16 bits:
    6 bytes are certain. Offloaded parameters of DeepSpeed are 2 bytes more.
    Weights loaded in the precision of their files are mapped and do not count: of bf16 files
    `from_pretrained` left 0.01 bytes a value in memory of the process's own in bf16, and 4.0 as
    float32 (62 million values, measured in a test). So they count at 4 bytes where the files
    are 16-bit, once for each process on the machine, unless a `device_map`, ZeRO-3 or FSDP keeps
    them off it. `usable` is the share of the main memory that may be taken (1).

    ## Example
    Full fine-tuning of 7 thousand million parameters with ZeRO and an offloaded optimizer: 84 GB at
    least and 112 GB by DeepSpeed's count, on a machine with 64 GB.

    ## Fix
    An 8-bit optimizer, adapters, offloading to NVMe, or more main memory. For loading: `dtype` as
    in the files, `device_map={"": rank}`, or fewer processes a machine.

    ## When it is wrong
    With swap that is large and fast.

    ## Sources
    `estimate_zero2_model_states_mem_needs` of DeepSpeed; Ren et al. 2021 (ZeRO-Offload); loading
    measured with transformers 5.23 on Linux.
    """
    require_training_machine(recipe, machine)
    if not checkpoint.parameters:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    held = [h for h in (_offloaded(recipe, checkpoint, machine),
                        _loaded(recipe, checkpoint, machine)) if h is not None]  # fmt: skip
    available = int(machine.memory_bytes * usable)
    if not held or available <= 0:
        reason = "nothing large is kept in main memory, or its size is not known"
        raise NotApplicableError(reason)
    worst = max(held, key=lambda h: (h.sure > available, h.likely))
    if worst.likely <= available:
        return
    sure = worst.sure > available
    needed = worst.sure if sure else worst.likely
    yield Finding(
        message=(
            f"{worst.why} {'at least' if sure else 'about'} {needed / GIB:,.1f} GiB of main "
            f"memory, and the machine has {available / GIB:,.1f} GiB"
        ),
        severity=Severity.ERROR if sure else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        where=(worst.at,),
        evidence=(
            Number(
                name="main memory needed",
                value=float(needed),
                unit="bytes",
                bound=f"at most {available:,} bytes",
                low=float(worst.sure),
                high=float(worst.likely),
            ),
            Table(
                name="what is kept in main memory",
                columns=("what", "GiB"),
                rows=tuple((what, round(size / GIB, 2)) for what, size in worst.parts),
                total=len(worst.parts),
            ),
        ),
        impact="the system kills the process, or swaps",
        fixes=(Fix(title=worst.fix, safety=Safety.MANUAL),),
    )


def _machines(recipe: Recipe, machine: Machine) -> int:
    """How many machines like this one the processes of the run fill."""
    processes, gpus = recipe.hardware.world_size or 1, machine.gpus or 1
    return -(-processes // gpus)


def _offloaded(recipe: Recipe, checkpoint: Checkpoint, machine: Machine) -> Held | None:
    by_fsdp = fsdp_offloads(recipe)
    if not (by_fsdp or offloads(recipe, "optimizer")) or not trains_every_weight(recipe):
        return None
    values = checkpoint.parameters // _machines(recipe, machine)
    states = state_bytes(recipe.optim)
    # FSDP computes on what it holds: with 16-bit weights their states are 16-bit too.
    copy, least = (2, min(states, FP32_STATES / 2)) if by_fsdp else (MASTER, states)
    parts = [
        (f"{'weights' if by_fsdp else 'fp32 copy of the weights'}", copy * values),
        (f"states of {recipe.optim}", int(least * values)),
    ]
    if not by_fsdp and offloads(recipe, "param"):
        parts.append(("16-bit weights", 2 * values))
    sure = sum(size for _, size in parts)
    likely = int((MASTER + GRADIENT + states) * values)
    parts.append(("gradients, and fp32 where it is not sure", max(0, likely - sure)))
    setting = "hardware.fsdp" if by_fsdp else "hardware.deepspeed"
    return Held(
        sure=sure,
        likely=max(sure, likely),
        parts=tuple(parts),
        why="what is offloaded takes",
        at=place(recipe, setting),
        fix="train adapters, use an 8-bit optimizer, or offload to NVMe",
    )


def _loaded(recipe: Recipe, checkpoint: Checkpoint, machine: Machine) -> Held | None:
    hardware = recipe.hardware
    kept_off = hardware.device_map or hardware.deepspeed or hardware.fsdp
    packed = hardware.load_in_4bit or hardware.load_in_8bit
    if kept_off or packed or not machine.gpus:
        return None
    loaded = loaded_weights(recipe, checkpoint)
    stored = checkpoint.config.get("dtype") or checkpoint.config.get("torch_dtype")
    if loaded is None or stored not in SIZES or loaded.dtype not in SIZES:
        return None
    if SIZES[loaded.dtype] <= SIZES[str(stored)]:
        return None
    processes = min(hardware.world_size or 1, machine.gpus)
    size = SIZES[loaded.dtype] * checkpoint.parameters * processes
    return Held(
        sure=size,
        likely=size,
        parts=((f"weights in {loaded.dtype}, {counted(processes, 'process')}", size),),
        why="loading the weights takes",
        at=place(recipe, "hardware.dtype"),
        fix="load in the precision of the files, or straight onto the GPU with device_map",
    )
