"""HW030: weights too coarse for the steps they are to take."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
    Tensor,
)
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.setup import Setup

COARSE = {"bfloat16": 8, "float16": 11}
"""Significant bits of the 16-bit types, the hidden one included."""

SHOWN = 8


@check(
    "HW030",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    covers=("P02", "P03"),
)
def updates_rounded_away(
    state: ModelState,
    setup: Setup | None,
    recipe: Recipe | None,
    *,
    min_share: float = 0.3,
    min_values: int = 1000,
) -> Iterator[Finding]:
    """Weights in 16 bits of which most do not move in a step.

    ## What it finds
    Trained weights held in bfloat16 or float16, of which fewer than `min_share` (30 %) change in
    an optimizer step at the real learning rate.

    ## Why it matters
    bfloat16 has 8 significant bits: an update smaller than 1/512 of a weight is rounded back to the
    weight itself, in this step and in every other one. The loss falls slowly and stays high, and
    nothing is wrong in the log.

    ## How it is measured
    On one real step of a copy, at the highest rate of the schedule: of the values that a gradient
    reached, how many are not what they were. At least `min_values` (1,000) values must have been
    looked at. In float32 it is 100 %. `min_share` lies between the two runs of the catalogue, in
    which 12 % of the weights had moved after 20 steps in bfloat16 and 80 % in float32; it is low,
    because at high rates bfloat16 loses little. An optimizer that rounds at random or keeps the
    remainder (Kahan summation) is not judged, nor is the first step of a run with a warm-up.

    ## Example
    Full fine-tuning at 1e-5 of a model that was loaded without `dtype`: transformers 5 keeps the
    type of the checkpoint, most often bfloat16, where version 4 made float32 of it.

    ## Fix
    Load with `dtype=torch.float32` and compute in bfloat16 with `bf16=True`; or use an optimizer
    that rounds at random. Adapters are small enough to be kept in float32 always.

    ## When it is wrong
    When the memory for float32 is not there and slow learning was chosen.

    ## Sources
    torchtune issue 2254; sentence-transformers pull request 3773; Zamirai et al., "Revisiting
    BFloat16 Training", 2020. Faults P02 and P03 of the catalogue.
    """
    if state.stand_in:
        reason = "needs the model's real weights; the step was one of a small model of its kind"
        raise NotRunError(reason)
    coarse = [tensor for tensor in state.tensors if tensor.trainable and tensor.dtype in COARSE]
    if not coarse:
        reason = "no trained weight is held in 16 bits"
        raise NotApplicableError(reason)
    if setup is not None and setup.rounds_well:
        reason = "the optimizer keeps what 16-bit weights cannot hold"
        raise NotApplicableError(reason)
    if setup is None and (recipe is None or state.learning_rate < recipe.learning_rate / 2):
        reason = "the step was one of a warm-up, at a lower rate than the run's"
        raise NotApplicableError(reason)
    pushed = sum(tensor.pushed for tensor in coarse)
    shifted = sum(tensor.shifted for tensor in coarse)
    if pushed < min_values or not state.learning_rate or shifted >= min_share * pushed:
        return
    share = shifted / pushed
    kind = max(coarse, key=lambda tensor: tensor.pushed).dtype
    yield Finding(
        message=(
            f"at learning rate {state.learning_rate:g}, {1 - share:.0%} of the {kind} weights that "
            f"a gradient reached do not move: the update is less than 1/{2 ** (COARSE[kind] + 1)} "
            "of the weight and rounds to nothing"
        ),
        where=tuple(Tensor(name=tensor.name) for tensor in _stillest(coarse)),
        evidence=(
            Number(
                name="weights that moved in one step",
                value=100 * share,
                bound=f"at least {min_share:.0%}",
                unit="%",
            ),
            Number(name="learning rate of that step", value=state.learning_rate),
            _table(coarse),
        ),
        impact="most weights stay as they were in every step, and the loss plateaus early",
        fixes=(
            Fix(
                title=(
                    "load the model with dtype=torch.float32 and train with bf16=True (weights in "
                    "32 bits, products in 16); transformers 5 otherwise keeps the checkpoint's type"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _stillest(tensors: list[TensorStep]) -> list[TensorStep]:
    reached = [tensor for tensor in tensors if tensor.pushed]
    return sorted(reached, key=lambda tensor: tensor.shifted / tensor.pushed)[:SHOWN]


def _table(tensors: list[TensorStep]) -> Table:
    rows = tuple(
        (tensor.name, tensor.dtype, tensor.pushed, 100 * tensor.shifted / tensor.pushed)
        for tensor in _stillest(tensors)
    )
    return Table(
        name="weights that moved least",
        columns=("tensor", "type", "values looked at", "moved in %"),
        rows=rows,
        total=len([tensor for tensor in tensors if tensor.pushed]),
    )
