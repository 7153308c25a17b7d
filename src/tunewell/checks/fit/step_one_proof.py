"""FIT005: what the first optimizer step did not do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
    Tensor,
)
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.setup import Setup

SHOWN = 12
UNREACHED = "reached by no gradient"
COARSE = frozenset({"bfloat16", "float16"})


@check("FIT005", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O12", "O20"))
def step_one_proof(
    state: ModelState,
    setup: Setup | None,
    *,
    max_unreached: float = 0.2,
    nearly_all: float = 0.9,
    min_rate: float = 1e-6,
) -> Iterator[Finding]:
    """Trainable tensors that the first step did not train.

    ## What it finds
    Tensors that should be trained and are in no group of the optimizer or in two, got a gradient
    that is not finite, or did not move although a gradient reached them; and models of which a
    large part gets no gradient at all.

    ## Why it matters
    Such a run looks healthy: the rest of the model learns around the dead part. It only stays worse
    than it need be.

    ## How it is measured
    On one real step: every parameter before and after, its gradient, its place in the optimizer.
    Tensors without a gradient are reported above a share of `max_unreached` (0.2), because an
    unused pooler is common and harmless; where a tenth of the model or more is reached, that alone
    is a warning, because a part may be idle on purpose, like the vision tower of a model that is
    trained on text. From a share of `nearly_all` (0.9) on it is an error: nobody leaves everything
    but a head trainable for nothing. An adapter that is not in use is left out. Movement is judged
    from a rate of `min_rate` (1e-6) on and in 32 bits, because smaller steps and coarser weights
    round to nothing near 1; another check measures that.

    ## Example
    A new classification head that a parameter filter forgot.

    ## Fix
    Pass every trainable parameter to the optimizer once, and remove what detaches the rest.

    ## When it is wrong
    When a part is frozen by leaving it out of the optimizer on purpose; `requires_grad = False`
    says that better and saves memory.

    ## Sources
    Faults of stage `run` in the catalogue; TrainCheck, OSDI 2025, for what one step can show.
    """
    idle = _idle_adapters(setup)
    trained = [
        tensor
        for tensor in state.tensors
        if tensor.trainable and not any(part in f"{tensor.name}." for part in idle)
    ]
    problems: dict[str, list[TensorStep]] = {}
    for tensor in trained:
        problem = _problem(tensor, may_stand=state.learning_rate < min_rate)
        if problem:
            problems.setdefault(problem, []).append(tensor)
    unreached = [tensor for tensor in trained if tensor.gradient_norm is None]
    if trained and len(unreached) > max_unreached * len(trained):
        problems[UNREACHED] = unreached
    only_unreached = set(problems) == {UNREACHED} and len(unreached) < nearly_all * len(trained)
    if not trained and state.tensors and setup is None:
        problems["frozen, like every other"] = list(state.tensors)
    if not problems:
        return
    parts = [f"{len(found):,} {problem}" for problem, found in problems.items()]
    bad = [(tensor, problem) for problem, found in problems.items() for tensor in found]
    yield Finding(
        message=(
            f"of {len(trained):,} trainable tensors, {', '.join(parts)} at the first optimizer "
            f"step (for example {bad[0][0].name})"
        ),
        where=tuple(Tensor(name=tensor.name) for tensor, _ in bad),
        evidence=(
            Table(
                name="tensors",
                columns=("tensor", "problem", "gradient norm"),
                rows=tuple(
                    (
                        tensor.name,
                        problem,
                        tensor.gradient_norm
                        if tensor.gradient_norm is not None and math.isfinite(tensor.gradient_norm)
                        else None,
                    )
                    for tensor, problem in bad[:SHOWN]
                ),
                total=len(bad),
            ),
            Number(name="learning rate of that step", value=state.learning_rate),
        ),
        impact="these tensors stay as they were, or spoil the rest",
        fixes=(
            Fix(
                title=_fix(problems),
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.WARNING if only_unreached else None,
        confidence=Confidence.MEDIUM if only_unreached else None,
    )


def _idle_adapters(setup: Setup | None) -> tuple[str, ...]:
    """What the names of the tensors of adapters that are not in use contain."""
    adapters = setup.adapters if setup is not None else ()
    return tuple(f".{adapter.name}." for adapter in adapters if not adapter.active)


def _fix(problems: Mapping[str, list[TensorStep]]) -> str:
    if "not in the optimizer" in problems:
        return (
            "build the optimizer last, from every parameter that requires a gradient: after the "
            "adapter is added, a head replaced or the embeddings resized"
        )
    if "in the optimizer twice" in problems:
        return "pass every trainable parameter to the optimizer once"
    if "not finite" in problems:
        return "find the rows or the layer whose loss is not finite; try float32 and another batch"
    if UNREACHED in problems:
        return "freeze what takes no part in the loss, or remove what detaches it"
    if "frozen, like every other" in problems:
        return "set requires_grad to True for the parts to train, before the optimizer is built"
    return "raise the learning rate, or keep trained weights in float32"


def _problem(tensor: TensorStep, *, may_stand: bool) -> str:
    norm = tensor.gradient_norm
    if norm is None:
        return ""
    if not math.isfinite(norm) or not tensor.finite_after:
        return "not finite"
    if tensor.in_optimizer == 0:
        return "not in the optimizer"
    if tensor.in_optimizer > 1:
        return "in the optimizer twice"
    may_stand = may_stand or tensor.dtype in COARSE
    return "not moved" if norm > 0 and not tensor.moved and not may_stand else ""
