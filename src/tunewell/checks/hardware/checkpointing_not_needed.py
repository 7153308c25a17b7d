"""HW051: gradient checkpointing where the step fits without it."""

from __future__ import annotations

import dataclasses
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
from tunewell.facts.machine import require_training_machine, require_whole_model_on_gpu
from tunewell.facts.recipe import change, place
from tunewell.plan.for_recipe import formula_is_tested, longest_row, memory_of
from tunewell.plan.memory import ModelSize
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

GIB = 1024**3


@check(
    "HW051",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def checkpointing_not_needed(
    recipe: Recipe,
    checkpoint: Checkpoint,
    machine: Machine,
    tokenization: Tokenization | None,
    *,
    usable: float = 0.8,
) -> Iterator[Finding]:
    """Gradient checkpointing is on, and the step fits in the GPU's memory without it.

    ## What it finds
    `gradient_checkpointing` in a recipe whose step needs at most `usable` of the GPU's memory (0.8)
    without it, at the longest row.

    ## Why it matters
    Checkpointing computes every layer's forward pass twice: a third more work a step. It buys
    memory, which is of no use where there is enough.

    ## How it is measured
    By arithmetic from the shapes of the model, with a third added, for the longest row that
    training meets: of 51 steps measured on an H200 that end was below the allocated peak in none,
    and below the reserved one in one, by 0.2 %. A model that is divided among several devices is
    left alone, and so is what the arithmetic was not held against: packed weights, eager attention,
    pairs, experts, towers for images.

    ## Example
    BERT with 32 rows of 128 tokens and checkpointing on an A100 of 40 GiB: 3 GiB without it.

    ## Fix
    `gradient_checkpointing=False`. What is learned stays the same.

    ## When it is wrong
    When something else needs the memory: generation in the evaluation, or another process.

    ## Sources
    benchmarks/results/closed_form_on_gpu.json; Chen et al. 2016, Training deep nets with sublinear
    memory cost (one more forward pass); `gradient_checkpointing` of
    `transformers.TrainingArguments` 5.23 (about 20 % slower).
    """
    if not recipe.hardware.gradient_checkpointing:
        reason = "gradient checkpointing is off"
        raise NotApplicableError(reason)
    require_training_machine(recipe, machine)
    available = int(require_whole_model_on_gpu(recipe, machine) * usable)
    size = ModelSize.of(checkpoint, task=recipe.task)
    if size is None:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    off = dataclasses.replace(recipe.hardware, gradient_checkpointing=False)
    changed = dataclasses.replace(recipe, hardware=off)
    if not formula_is_tested(changed, checkpoint):
        reason = "the formula was never held against such a model without checkpointing"
        raise NotApplicableError(reason)
    without = memory_of(
        changed,
        checkpoint,
        size,
        batch=recipe.per_device_train_batch_size,
        length=longest_row(recipe, checkpoint, tokenization),
    )
    if without.high > available:
        return
    yield Finding(
        message=(
            f"gradient checkpointing is on, and without it the step needs at most "
            f"{without.high / GIB:,.1f} GiB of the {machine.gpu_name or 'GPU'}'s "
            f"{available / usable / GIB:,.1f} GiB"
        ),
        where=(place(recipe, "hardware.gradient_checkpointing"),),
        evidence=(
            Number(
                name="memory without checkpointing",
                value=float(without.total),
                unit="bytes",
                bound=f"above {available:,} bytes",
                low=float(without.low),
                high=float(without.high),
            ),
        ),
        impact="without it a step takes up to a quarter less time",
        fixes=(
            Fix(
                title="switch gradient checkpointing off",
                safety=Safety.SAFE,
                edits=(change(recipe, "hardware.gradient_checkpointing", False),),
            ),
        ),
    )
