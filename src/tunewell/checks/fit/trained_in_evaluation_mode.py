"""FIT047: steps that were trained with the model in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace


@check(
    "FIT047",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("O32",),
)
def trained_in_evaluation_mode(trace: Trace, *, min_steps: int = 2) -> Iterator[Finding]:
    """Training steps made while the model was in evaluation mode.

    ## What it finds
    Steps at which `model.training` was False.

    ## Why it matters
    In evaluation mode dropout is off and batch normalisation uses, and no longer updates, its
    running statistics: the model is trained without the regularisation that was chosen, and
    overfits sooner. Loops written by hand call `model.eval()` for an evaluation and forget
    `model.train()` after it.

    ## How it is measured
    The watcher notes the mode of the model at every step. At least `min_steps` such steps (2). That
    they begin right after an evaluation is said where it is so.

    ## Example
    Steps 1 to 100 in training mode, an evaluation, steps 101 to 1,000 in evaluation mode.

    ## Fix
    `model.train()` at the beginning of every epoch and after every evaluation.

    ## When it is wrong
    When it was meant, as for a model that has neither dropout nor batch normalisation, or whose
    statistics are to stay.

    ## Sources
    Fault O32 of the catalogue.
    """
    modes = trace.column("evaluation_mode").finite
    if not len(modes):
        message = "it takes the watcher's column evaluation_mode: train with tunewell.Watch"
        raise NotRunError(message)
    wrong = modes.steps[modes.values > 0]
    if len(wrong) < min_steps:
        return
    first, last = int(wrong[0]), int(wrong[-1])
    evaluations = np.concatenate(
        [c.steps for name, c in trace.columns.items() if name.startswith("eval_")]
        or [np.empty(0, dtype=np.int64)]
    )
    before = modes.steps[modes.steps < first]
    after = (
        ", from the first step after an evaluation on"
        if (len(before) and np.any((evaluations >= before[-1]) & (evaluations <= first)))
        else ""
    )
    yield Finding(
        message=(
            f"{counted(len(wrong), 'step')} of {len(modes):,} were trained in evaluation mode, "
            f"from step {first:,}{after}: dropout is off"
        ),
        where=(Steps(metric="evaluation_mode", first=first, last=last),),
        evidence=(
            evidence("evaluation_mode", modes, Mark(step=first, text="evaluation mode")),
            Number(
                name="steps in evaluation mode",
                value=100 * len(wrong) / len(modes),
                unit="%",
                bound="0 %",
            ),
        ),
        impact="the model is trained without its dropout and overfits sooner",
        fixes=(
            Fix(
                title="call model.train() at the start of each epoch and after each evaluation",
                safety=Safety.MANUAL,
            ),
        ),
    )
