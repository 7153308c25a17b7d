"""HW064: most of what the model was given is padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace


@check(
    "HW064",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
)
def steps_spent_on_padding(
    trace: Trace, *, max_share: float = 0.5, min_steps: int = 20, min_tokens: int = 512
) -> Iterator[Finding]:
    """More than half of the tokens that the model was given are padding.

    ## What it finds
    A run of at least `min_steps` watched steps (20) in which more than `max_share` of the tokens
    (0.5) were padding.

    ## Why it matters
    Padding costs time and memory like any token, and teaches nothing.

    ## How it is measured
    The watcher counts the places of each batch's input ids and those that its attention mask lets
    be seen, on the device, without waiting for it. Both are summed over the run. Ordinary text in
    random batches wastes up to about half; steps of fewer than `min_tokens` tokens (512) cost too
    little to speak of. A batch without a mask, such as a packed one, is left alone.

    ## Example
    Rows of 40 tokens padded to 512 by `padding="max_length"`: 92 % of each step.

    ## Fix
    Pad to the longest row of the batch (`DataCollatorWithPadding`, `padding=True`), share batches
    by length (`train_sampling_strategy="group_by_length"`), or pack rows of a language model.

    ## When it is wrong
    Where a device wants one fixed shape, as a TPU does, or `torch_compile` with fixed shapes.

    ## Sources
    Krell et al. 2021, Efficient sequence packing without cross-contamination (half of BERT's tokens
    are padding); fault D37 of the catalogue.
    """
    given, seen = trace.column("input_tokens").finite, trace.column("attended_tokens").finite
    steps, one, other = np.intersect1d(given.steps, seen.steps, return_indices=True)
    if len(steps) < min_steps:
        reason = "the run was not watched, is too short, or its batches have no mask"
        raise NotApplicableError(reason)
    tokens, useful = given.values[one], seen.values[other]
    share = 1 - float(useful.sum() / tokens.sum())
    if share <= max_share or float(np.median(tokens)) < min_tokens:
        return
    yield Finding(
        message=(
            f"{100 * share:.0f} % of the tokens in {counted(len(steps), 'step')} were padding: "
            f"{useful.mean():,.0f} of {tokens.mean():,.0f} tokens a step"
        ),
        where=(Steps(metric="attended_tokens", first=int(steps[0]), last=int(steps[-1])),),
        evidence=(
            Number(
                name="padding",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            evidence("attended_tokens", seen),
        ),
        impact=f"up to {100 * share:.0f} % of each step's time and activations go to padding",
        fixes=(
            Fix(
                title="pad to the longest row of a batch, group rows by length, or pack them",
                safety=Safety.MANUAL,
            ),
        ),
    )
