"""HW014: two systems place the same model on the GPUs."""

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
from tunewell.facts.recipe import change, place
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

SPLITTING = frozenset({"auto", "balanced", "balanced_low_0", "sequential"})


@check("HW014", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P16",))
def device_map_in_distributed_run(recipe: Recipe, machine: Machine | None) -> Iterator[Finding]:
    """A model that `device_map` splits over the GPUs is trained by several processes.

    ## What it finds
    `device_map="auto"` (or "balanced" or "sequential") together with more than one process,
    DeepSpeed or FSDP.

    ## Why it matters
    Each process would spread its own copy over all GPUs. accelerate refuses the model before the
    first step, after it was loaded.

    ## How it is measured
    By the recipe alone. The finding is sure where the machine has several GPUs, and likely where
    that is not known: with one GPU for each process in sight, "auto" has nothing to split.

    ## Example
    `from_pretrained(..., device_map="auto")` and `torchrun --nproc_per_node 4`.

    ## Fix
    Leave `device_map` out; for quantised weights `device_map={"": local_rank}`.

    ## When it is wrong
    When each process sees one GPU alone.

    ## Sources
    `Accelerator.prepare_model` of accelerate 1.15: "You can't train a model that has been loaded
    with device_map='auto' in any distributed mode". Fault P16 of the catalogue; the condition is
    reproduced with a model that carries such a map.
    """
    hardware = recipe.hardware
    several = (hardware.world_size or 1) > 1 or bool(hardware.deepspeed or hardware.fsdp)
    if hardware.device_map not in SPLITTING or not several:
        reason = "one process trains the model, or nothing splits it"
        raise NotApplicableError(reason)
    gpus = None if machine is None else machine.gpus
    if gpus == 1:
        return
    how = (
        f"{hardware.world_size} processes"
        if (hardware.world_size or 1) > 1
        else "DeepSpeed"
        if hardware.deepspeed
        else "FSDP"
    )
    yield Finding(
        message=(
            f"device_map={hardware.device_map!r} splits the model over the GPUs, and {how} place "
            "it a second time: accelerate refuses it"
        ),
        confidence=Confidence.HIGH if gpus else Confidence.MEDIUM,
        where=(place(recipe, "hardware.device_map"), place(recipe, "hardware.world_size")),
        evidence=(
            Number(
                name="processes", value=hardware.world_size, bound="1 with a device_map that splits"
            ),
        ),
        impact="the run ends before its first step",
        fixes=(
            Fix(
                title="leave device_map out",
                safety=Safety.SAFE,
                edits=(change(recipe, "hardware.device_map", None),),
            ),
        ),
    )
