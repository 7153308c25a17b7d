"""A trainer on this machine's GPU: its step is simulated where the formula leaves it open."""

from __future__ import annotations

from typing import Any

from tunewell.api.planning.memory import device_of
from tunewell.facts.machine import shared_out
from tunewell.knowledge import gpus
from tunewell.plan import needed
from tunewell.plan.for_recipe import SURELY_FITS, longest_row, memory_of, size_of
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import Simulated
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe


def decided(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    machine: Machine,
    trainer: Any,  # noqa: ANN401  transformers has no types
) -> Needed | None:
    """The simulated memory of the trainer's own step; None where it is clear without, or no GPU.

    It is clear where even the formula's low end is more than the GPU has, and where its high end is
    well below.
    """
    available = machine.gpu_bytes
    if available is None or shared_out(recipe):
        return None
    size = size_of(checkpoint, task=recipe.task) if checkpoint is not None else None
    if size is not None and checkpoint is not None:
        length = longest_row(recipe, checkpoint, None)
        batch = recipe.per_device_train_batch_size
        memory = memory_of(recipe, checkpoint, size, batch=batch, length=length)
        if memory.low > available or memory.high <= SURELY_FITS * available:
            return None
    from tunewell.preflight.simulated import simulate_trainer

    device = device_of(gpus.find(machine.gpu_name) if machine.gpu_name else None)
    found, what = simulate_trainer(trainer, device)
    if not isinstance(found, Simulated):
        return None
    return needed.simulated(found, device.context_bytes, (what,))
