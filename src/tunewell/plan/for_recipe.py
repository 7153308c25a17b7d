"""The memory of a step as a recipe sets it: its optimizer, its precision, its memory savers."""

from __future__ import annotations

import dataclasses

from tunewell.facts.optimizer_states import FP32_STATES, paged, state_bytes
from tunewell.facts.weights import loaded_weights
from tunewell.plan.memory import Memory, ModelSize, estimate
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

HALF = frozenset({"bfloat16", "float16"})


def memory_of(
    recipe: Recipe, checkpoint: Checkpoint, size: ModelSize, *, batch: int, length: int
) -> Memory:
    """Memory of one training step on one device, without sharding and offloading.

    Weights that are loaded in 16 bits and all trained have gradients and moments of 16 bits too.
    States of an optimizer that pages them out, or that is not known, count as nothing: what remains
    is a lower bound.
    """
    hardware = recipe.hardware
    trained = recipe.adapter.r * size.block_sides if recipe.adapter is not None else None
    memory = estimate(
        size,
        batch=batch,
        length=length,
        method="qlora" if hardware.load_in_4bit else recipe.method,
        precision=recipe.precision,
        checkpointing=hardware.gradient_checkpointing,
        trainable=trained,
    )
    states = 0.0 if paged(recipe.optim) else state_bytes(recipe.optim)
    memory = dataclasses.replace(memory, optimizer=int(memory.optimizer * states / FP32_STATES))
    if recipe.method != "full":
        return memory
    loaded = loaded_weights(recipe, checkpoint)
    if loaded is None or loaded.dtype not in HALF:
        return memory
    return dataclasses.replace(
        memory,
        weights=2 * size.parameters,
        gradients=memory.gradients // 2,
        optimizer=memory.optimizer // 2 if states == FP32_STATES else memory.optimizer,
    )
