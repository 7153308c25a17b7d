"""FIT049: the same batches again within what the log calls one epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotRunError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Steps
from tunewell.facts.curves import Values
from tunewell.subjects.trace import Trace


@check("FIT049", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("O28",))
def batches_come_back(
    trace: Trace, *, min_same: float = 0.95, min_passes: float = 1.5
) -> Iterator[Finding]:
    """Batches that come again, one for one, more often than the log's epochs say.

    ## What it finds
    A run whose batches repeat at a fixed distance, so that the data were passed over more often
    than `epoch` tells, down to one and the same batch at every step.

    ## Why it matters
    A stream that ends before `max_steps` begins again without a word, and a loop that takes the
    first batch of a new iterator at each step trains on one batch alone. The rows are learned by
    heart while the log shows the first epoch.

    ## How it is measured
    The watcher notes a number for each batch that is the same for the same input. The smallest
    distance at which `min_same` of all later batches (0.95) equal the ones before is the period;
    the run's length over it are the passes. They must be at least `min_passes` (1.5) and half a
    pass more than the last logged epoch (0 where none is logged) and the set number of epochs, if
    any. Shuffled epochs do not repeat their batches and are not seen.

    ## Example
    10,000 steps over a stream of 1,250 batches: 8 passes, `epoch` says 1.0.

    ## Fix
    Set `max_steps` from the number of rows, or shuffle the stream anew in each pass.

    ## When it is wrong
    When passing over few batches is the purpose, to see whether the model can learn them at all.

    ## Sources
    Fault O28 of the catalogue.
    """
    marks = trace.column("batch_mark").finite
    if len(marks) < 10:  # noqa: PLR2004  too few to have a period
        message = "it takes the watcher's column batch_mark: train with tunewell.Watch"
        raise NotRunError(message)
    period = _period(marks.values, min_same)
    if period is None:
        return
    passes = len(marks) / period
    epochs = trace.column("epoch").finite
    told = float(epochs.values[-1]) if len(epochs) else 0.0
    planned = trace.settings.get("num_train_epochs")
    streamed = bool(trace.settings.get("max_steps", 0) or 0) and told <= 1
    known = told if streamed or not isinstance(planned, int | float) else max(told, planned)
    if passes < max(min_passes, known + 0.5):
        return
    what = (
        "every step trains on the same batch"
        if period == 1
        else f"the same {period:,} batches come back {passes:.1f} times"
    )
    yield Finding(
        message=f"{what}, while the log tells of {told:.2g} epochs in {len(marks):,} steps",
        where=(
            Steps(metric="batch_mark", first=int(marks.steps[period]), last=int(marks.steps[-1])),
        ),
        evidence=(
            Number(name="passes over the data", value=passes, bound=f"{known:.3g}"),
            Number(name="batches until the first comes back", value=period, unit="steps"),
        ),
        impact="the rows are learned by heart while the log shows the first epoch",
        fixes=(
            Fix(
                title="set max_steps from the number of rows, keep one iterator over the loader, "
                "and shuffle each pass",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if period == 1 else None,
    )


def _period(marks: Values, min_same: float) -> int | None:
    """The smallest distance at which nearly all marks repeat, None where there is none."""
    # The first batch has to come again: only its returns can be periods.
    for place in np.flatnonzero(marks[1:] == marks[0]).tolist():
        period = place + 1
        if 2 * period > len(marks) + period / 2:
            return None
        if float((marks[period:] == marks[:-period]).mean()) >= min_same:
            return period
    return None
