"""HW002: steps that wait for data."""

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
    Steps,
)
from tunewell.facts.curves import Values, evidence
from tunewell.subjects.trace import Trace

STRETCHES = 20
"""Parts of the run whose shares are compared."""

WORKERS = 8
"""Steps of a stretch at least, so that it holds a batch of each of as many workers."""


@check(
    "HW002",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P22",),
)
def loader_bound(
    trace: Trace,
    *,
    max_share: float = 0.3,
    min_wait: float = 0.02,
    min_logs: int = 5,
    min_steps: int = 20,
) -> Iterator[Finding]:
    """Training that spends much of its time waiting for batches.

    ## What it finds
    A run whose steps wait long for the data loader.

    ## Why it matters
    The processor that costs the money stands idle.

    ## How it is measured
    The watcher times the wait before each step, the first left out. Of the waits' share of the
    time in each of at most twenty stretches of the run the median is reported above `max_share`
    (0.3), given `min_logs` logs or timed steps (5) over `min_steps` steps (20): with several
    workers some steps wait long and the rest not at all, and one slow stretch is not the run.

    The median wait must be more than `min_wait` seconds (0.02) too. What passes between two steps
    is also the loop's own work: a median of 0.5 to 1.4 ms in 76 runs of the Trainer, of Lightning
    and of plain loops on two cores, and 4 ms where other programs took them. Five times that is a
    wait that more workers can shorten: 200 s in 10,000 steps. A shorter one is not told, though of
    a step of 10 ms it is a good part.

    ## Example
    0.4 s of waiting before 0.3 s of computing.

    ## Fix
    Tokenise before training, or raise `dataloader_num_workers`.

    ## When it is wrong
    When other programs on the machine took its cores during the run.

    ## Sources
    Fault P22 of the catalogue.
    """
    steps, waiting, working = _timed(trace)
    if len(steps) < min_logs or steps[-1] - steps[0] < min_steps:
        message = "the run was not timed by the watcher, or is too short"
        raise NotApplicableError(message)
    parts = min(STRETCHES, max(3, (len(steps) - 1) // WORKERS))
    stretches = np.array_split(np.arange(1, len(steps)), parts)
    waits = np.array([waiting[part].mean() for part in stretches])
    works = np.array([working[part].mean() for part in stretches])
    share = float(np.median(waits / np.maximum(waits + works, 1e-12)))
    if share <= max_share or float(np.median(waits)) <= min_wait:
        return
    yield Finding(
        message=(
            f"{100 * share:.0f} % of each step is waiting for data: "
            f"{float(np.median(waits)):.3g} s of waiting for "
            f"{float(np.median(works)):.3g} s of work"
        ),
        where=(Steps(metric="data_seconds", first=int(steps[0]), last=int(steps[-1])),),
        evidence=(
            Number(
                name="waiting for data",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:.0f} %",
            ),
            evidence("data_seconds", trace.column("data_seconds").finite),
        ),
        impact=f"without the wait the run takes {100 * share:.0f} % less time",
        fixes=(
            Fix(
                title="tokenise before training, or raise dataloader_num_workers",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _timed(trace: Trace) -> tuple[NDArray[np.int64], Values, Values]:
    """The steps at which both were measured, with seconds of waiting and of work."""
    waiting, working = trace.column("data_seconds").finite, trace.column("step_seconds").finite
    steps, one, other = np.intersect1d(waiting.steps, working.steps, return_indices=True)
    return steps, waiting.values[one], working.values[other]
