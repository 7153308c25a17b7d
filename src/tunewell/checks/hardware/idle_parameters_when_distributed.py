"""HW033: trainable parameters without a gradient, under several processes."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Tensor,
)
from tunewell.core.words import counted
from tunewell.facts.recipe import change
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe

SETTING = "hardware.ddp_find_unused_parameters"


@check("HW033", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P17",))
def idle_parameters_when_distributed(
    state: ModelState, recipe: Recipe, *, max_idle: int = 0
) -> Iterator[Finding]:
    """Trainable parameters that no gradient reaches, in a run over several processes.

    ## What it finds
    More than `max_idle` (0) trainable parameters without a gradient in the first step, in a run on
    several processes that does not look for unused parameters.

    ## Why it matters
    Distributed data parallel waits for a gradient of every trainable parameter. It raises "Expected
    to have finished reduction in the prior iteration" in the second step, on every machine.

    ## How it is measured
    By one real step on one process: whose gradient is None. The Trainer looks for unused parameters
    unless `ddp_find_unused_parameters` is false, or is not set while gradient checkpointing is on.
    DeepSpeed and FSDP, which do not wait for single parameters, are left alone. One such parameter
    is enough, so `max_idle` is 0.

    ## Example
    The pooler of an encoder whose head does not use it; a second trainable adapter that is not in
    use.

    ## Fix
    Freeze what is not used, which also saves memory, or set `ddp_find_unused_parameters: true`.

    ## When it is wrong
    When another batch reaches these parameters and each process sees such a batch in each step.

    ## Sources
    PyTorch documentation of DistributedDataParallel; PEFT issue 393; accelerate issue 2017. Fault
    P17 of the catalogue.
    """
    hardware = recipe.hardware
    if (hardware.world_size or 1) == 1 or hardware.deepspeed or hardware.fsdp:
        reason = "the run is on one process, or sharded"
        raise NotApplicableError(reason)
    looks = hardware.ddp_find_unused_parameters
    if looks or (looks is None and not hardware.gradient_checkpointing):
        return
    idle = [t for t in state.tensors if t.trainable and t.gradient_norm is None]
    if len(idle) <= max_idle:
        return
    yield Finding(
        message=(
            f"{counted(len(idle), 'trainable tensor')} got no gradient in the first step (for "
            f"example {idle[0].name}), and {hardware.world_size} processes wait for all of them"
        ),
        where=tuple(Tensor(name=tensor.name) for tensor in idle),
        evidence=(
            Number(
                name="trainable tensors without a gradient",
                value=float(len(idle)),
                bound=f"at most {max_idle}",
            ),
        ),
        impact="the run ends in its second step",
        fixes=(
            Fix(
                title="freeze what takes no part in the loss",
                safety=Safety.MANUAL,
            ),
            Fix(
                title="set ddp_find_unused_parameters to true, which costs time in each step",
                safety=Safety.SAFE,
                edits=(change(recipe, SETTING, new=True),),
            ),
        ),
    )
