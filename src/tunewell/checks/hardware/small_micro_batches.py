"""HW052: many small forward passes where fewer large ones fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
from tunewell.core.words import counted
from tunewell.facts.machine import require_training_machine, require_whole_model_on_gpu
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import loaded_weights
from tunewell.knowledge import gpus
from tunewell.plan.for_recipe import formula_is_tested, longest_row, memory_of
from tunewell.plan.memory import ModelSize
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization


@check(
    "HW052",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def small_micro_batches(  # noqa: PLR0913  each subject tells one factor
    recipe: Recipe,
    checkpoint: Checkpoint,
    machine: Machine,
    tokenization: Tokenization,
    *,
    max_multiple: float = 4.0,
    usable: float = 0.8,
    max_padding: float = 1.5,
) -> Iterator[Finding]:
    """Gradients of small batches are accumulated, where larger ones fit on the GPU.

    ## What it finds
    Accumulation of batches whose tokens are too few for the GPU's matrix units, where a multiple of
    the batch fits in `usable` of the GPU's memory (0.8).

    ## Why it matters
    With few tokens the GPU spends its time on reading the weights and on starting kernels. Twice
    the tokens then cost hardly more time.

    ## How it is measured
    The tokens of a batch are its rows times the median length. A product of matrices reads each
    weight once and computes twice a token with it: below the GPU's peak rate over its memory's
    bandwidth it is bound by reading. In 16 bits that is about 150 to 400 tokens (A100 200, T4 203,
    H100 295, L4 403), in fp32 a few dozen; both rates are in the table of GPUs that Tunewell keeps.
    The largest batch is looked for that divides the accumulation, has at most `max_multiple` times
    those tokens (4), fits at the longest row with all that the closed formula missed by, and has at
    most `max_padding` times (1.5) as many tokens a row, padding included, as now. The optimizer's
    step sees the same rows.

    ## Example
    One row of 120 tokens at a time, accumulated 32 times, on a GPU with 40 GiB.

    ## Fix
    A larger `per_device_train_batch_size` and as much less accumulation: what is learned is the
    same up to rounding, and padding if the rows differ in length.

    ## When it is wrong
    When the rows' lengths differ so much that larger batches are mostly padding.

    ## Sources
    Williams et al. 2009, Roofline; the data sheets in knowledge/gpus.toml.
    """
    batch, accumulated = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    packed = recipe.preparation.packing or recipe.preparation.padding_free
    if accumulated == 1 or packed or not len(tokenization.lengths):
        reason = "gradients are not accumulated, or rows are packed"
        raise NotApplicableError(reason)
    require_training_machine(recipe, machine)
    available = int(require_whole_model_on_gpu(recipe, machine) * usable)
    size = ModelSize.of(checkpoint, task=recipe.task)
    if size is None or not formula_is_tested(recipe, checkpoint):
        reason = "the formula was never held against such a model"
        raise NotApplicableError(reason)
    longest = longest_row(recipe, checkpoint, tokenization)
    lengths = np.minimum(tokenization.lengths, longest)
    median = int(np.median(lengths))
    tokens = batch * max(1, median)
    enough = _enough_tokens(recipe, checkpoint, machine)
    if enough is None:
        reason = "the GPU is not known"
        raise NotApplicableError(reason)
    if tokens >= enough:
        return
    factors = [
        k
        for k in range(2, accumulated + 1)
        if accumulated % k == 0
        and padded(lengths, batch * k) <= max_padding * padded(lengths, batch)
        and tokens * k <= max_multiple * enough
        and memory_of(recipe, checkpoint, size, batch=batch * k, length=longest).high <= available
    ]
    if not factors:
        return
    best = max(factors)
    yield Finding(
        message=(
            f"{counted(batch, 'row')} of about {median:,} tokens at a time, {accumulated:,} times "
            f"a step; {counted(batch * best, 'row')} at a time fit"
        ),
        where=(
            place(recipe, "per_device_train_batch_size"),
            place(recipe, "gradient_accumulation_steps"),
        ),
        evidence=(
            Number(
                name="tokens of a batch",
                value=float(tokens),
                bound=f"at least {enough:,.0f}",
            ),
        ),
        impact=f"a step may take as little as 1/{best} of its time; how much less is not known",
        fixes=(
            Fix(
                title=f"{batch * best} rows at a time, accumulated {accumulated // best} times",
                safety=Safety.SAFE,
                edits=(
                    change(recipe, "per_device_train_batch_size", batch * best),
                    change(recipe, "gradient_accumulation_steps", accumulated // best),
                ),
            ),
        ),
    )


def _enough_tokens(recipe: Recipe, checkpoint: Checkpoint, machine: Machine) -> float | None:
    """Tokens from which on products of matrices are bound by computing, None where not known."""
    gpu = gpus.find(machine.gpu_name) if machine.gpu_name else None
    if gpu is None:
        return None
    loaded = loaded_weights(recipe, checkpoint)
    short = recipe.precision != "fp32" or (loaded is not None and loaded.dtype != "float32")
    if short:
        return 1000 * gpu.tflops_16 / gpu.bandwidth_gb_s
    return 2 * 1000 * gpu.tflops_32 / gpu.bandwidth_gb_s  # each weight is twice as many bytes


def padded(lengths: NDArray[np.int64], rows: int) -> float:
    """Tokens a row, padding included, in random batches of so many rows: the mean of the longest.

    All of `rows` rows lie among the shortest share F with probability F ** rows.
    """
    at_most = (np.arange(1, len(lengths) + 1) / len(lengths)) ** rows
    return float(np.sort(lengths) @ np.diff(at_most, prepend=0.0))
