"""Whether the machine at hand is the one that will train."""

from __future__ import annotations

from tunewell.core.check import NotApplicableError
from tunewell.facts.written import value_of
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe


def trains_elsewhere(recipe: Recipe, machine: Machine) -> bool:
    """Whether the recipe asks for what only a GPU has, and this machine has none.

    Tunewell's own recipes are trained where they are looked at.
    """
    if machine.gpus != 0 or recipe.format == "tunewell":
        return False
    hardware = recipe.hardware
    if hardware.use_cpu or value_of(recipe, "use_cpu", "no_cuda"):
        return False
    return bool(
        recipe.precision != "fp32"
        or hardware.load_in_4bit
        or hardware.load_in_8bit
        or hardware.deepspeed
        or hardware.fsdp
        or "flash" in (hardware.attn_implementation or "")
    )


def require_training_machine(recipe: Recipe, machine: Machine) -> None:
    """Stop a check that measures a recipe by the machine, where another one will train.

    Raises:
        NotApplicableError: if the recipe asks for a GPU and this machine has none.
    """
    if trains_elsewhere(recipe, machine):
        reason = "the recipe asks for a GPU and this machine has none: another one will train"
        raise NotApplicableError(reason)


def shared_out(recipe: Recipe) -> bool:
    """Whether the model is divided among several devices."""
    hardware = recipe.hardware
    return bool(
        hardware.deepspeed or hardware.fsdp or hardware.device_map not in {None, "cuda", "cuda:0"}
    )


def require_whole_model_on_gpu(recipe: Recipe, machine: Machine) -> int:
    """The memory of the GPU that holds the whole model, in bytes.

    Raises:
        NotApplicableError: if there is no GPU here, or the model is divided among several.
    """
    if machine.gpu_bytes is None or recipe.hardware.use_cpu:
        reason = "no GPU of this machine trains"
        raise NotApplicableError(reason)
    if shared_out(recipe):
        reason = "the model is shared out over several devices"
        raise NotApplicableError(reason)
    return machine.gpu_bytes
