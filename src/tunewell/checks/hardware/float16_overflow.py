"""HW031: activations at the end of what float16 can hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Tensor,
)
from tunewell.facts.recipe import change
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe

LARGEST = 65_504.0
"""The largest finite float16."""


@check("HW031", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("P01",))
def float16_overflow(
    state: ModelState, recipe: Recipe, *, max_activation: float = 30_000.0
) -> Iterator[Finding]:
    """A model whose activations float16 cannot hold, trained in float16.

    ## What it finds
    A linear layer whose output, on one batch of the training set, overflows float16 or comes
    within a factor of two of its end: above `max_activation` (30,000; the largest finite value is
    65,504).

    ## Why it matters
    An overflow becomes infinite, then not a number, and spreads over the loss. The gradient scaler
    cannot help, because it scales gradients, not activations: it skips the step, and every other
    one with such a row.

    ## How it is measured
    Hooks on every linear layer watch the rehearsed step, in the precision of the run, over the
    longest rows. An overflow on real rows is an error; a value above half of the range is a warning
    of medium confidence, because a rarer row may be larger.

    ## Example
    T5, mT5 and Gemma were trained in bfloat16, which reaches as far as float32. With `fp16=True`
    their feed-forward layers overflow.

    ## Fix
    Train in bfloat16, or in float32 where the device has none.

    ## When it is wrong
    When the layer's output is cut off or scaled before it is used.

    ## Sources
    transformers issues 4938, 5651 and 11461. Fault P01 of the catalogue.
    """
    if recipe.precision != "fp16":
        reason = "the run is not in float16"
        raise NotApplicableError(reason)
    if state.stand_in or state.largest_activation is None:
        reason = "needs a step of the model with its real weights"
        raise NotRunError(reason)
    top = state.largest_activation
    if top <= max_activation:
        return
    overflows = top > LARGEST
    shown = "infinite" if math.isinf(top) else f"{top:,.0f}"
    yield Finding(
        message=(
            f"the output of {state.largest_layer} "
            + (
                "overflows float16"
                if overflows
                else f"reaches {shown} of the {LARGEST:,.0f} that float16 can hold"
            )
            + " on a batch of the training set"
        ),
        where=(Tensor(name=state.largest_layer),),
        evidence=(
            Number(
                name="largest output of a linear layer",
                value=None if math.isinf(top) else top,
                bound=f"at most {max_activation:,.0f}",
            ),
        ),
        impact="the loss is not a number on such rows, and their steps are skipped",
        severity=Severity.ERROR if overflows else Severity.WARNING,
        confidence=Confidence.HIGH if overflows else Confidence.MEDIUM,
        fixes=(
            Fix(
                title="train in bfloat16, which reaches as far as float32",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "precision", "bf16"),),
            ),
        ),
    )
