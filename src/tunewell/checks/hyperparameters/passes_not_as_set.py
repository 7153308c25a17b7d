"""HYP057: fewer or more passes over the data than the settings name."""

from __future__ import annotations

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
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace

DEFAULT = 3
"""Epochs of the Trainer where none are set."""


@check(
    "HYP057",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("O28",),
)
def passes_not_as_set(trace: Trace, *, max_off: float = 0.1) -> Iterator[Finding]:
    """A finished run that saw only a part of the rows, or saw them more often than was set.

    ## What it finds
    A run whose last logged epoch is below 1, or far from the number of epochs in its settings.

    ## Why it matters
    A number of steps that was guessed cuts the data or repeats it: `max_steps` goes before
    `num_train_epochs` without a word in the log.

    ## How it is measured
    The last value of the column `epoch` of a finished run with `max_steps` set. Below 1 -
    `max_off` (0.1) some rows were never seen. More than the set epochs by that share and by half
    an epoch, where the settings hold another number than the Trainer's default of 3, rows came
    more often than was asked for. It is information: short runs are often meant.

    ## Example
    `max_steps=1000` over 32,000 rows in batches of 16: `epoch` ends at 0.5.

    ## Fix
    Leave `max_steps` out, or set it to rows / batch size times epochs.

    ## When it is wrong
    When a trial run on a part of the rows was meant.

    ## Sources
    Fault O28 of the catalogue; transformers, `TrainingArguments.max_steps`.
    """
    epochs = trace.column("epoch").finite
    limit = trace.settings.get("max_steps")
    if not len(epochs) or not isinstance(limit, int) or limit <= 0 or not trace.finished:
        message = "it takes a finished run with max_steps in its settings and logged epochs"
        raise NotApplicableError(message)
    seen, planned = float(epochs.values[-1]), trace.settings.get("num_train_epochs")
    told = isinstance(planned, int | float) and planned > 0 and planned != DEFAULT
    epochs_set = float(planned or 0) if told else None
    cut = 0 < seen < 1 - max_off
    often = epochs_set is not None and seen > max((1 + max_off) * epochs_set, epochs_set + 0.5)
    if not cut and not often:
        return
    said = (
        f"the run ended after {seen:.2g} of one pass over the rows: the others were never seen"
        if cut
        else f"the rows were passed over {seen:.3g} times, where {epochs_set:g} epochs are set"
    )
    yield Finding(
        message=f"{said} (max_steps is {limit:,})",
        where=(Steps(metric="epoch", first=int(epochs.steps[0]), last=int(epochs.steps[-1])),),
        evidence=(
            evidence("epoch", epochs),
            Number(
                name="passes over the rows",
                value=seen,
                bound="at least 1" if epochs_set is None else f"{epochs_set:g}",
            ),
        ),
        impact="a part of the data was paid for and not used"
        if cut
        else "the rows are learned by heart more than was meant",
        fixes=(
            Fix(
                title="leave max_steps out, or set it to rows / batch size times epochs",
                safety=Safety.MANUAL,
            ),
        ),
    )
