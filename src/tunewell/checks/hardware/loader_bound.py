"""HW002: steps that wait for data."""

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
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace


@check(
    "HW002",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P22",),
)
def loader_bound(trace: Trace, *, max_share: float = 0.3, min_logs: int = 5) -> Iterator[Finding]:
    """Training that spends much of its time waiting for batches.

    ## What it finds
    A run whose steps wait long for the data loader.

    ## Why it matters
    The processor that costs the money stands idle.

    ## How it is measured
    The watcher times the wait before each step. The median over the logs, without the first, is
    reported above `max_share` of the whole (0.3), given `min_logs` logs (5).

    ## Example
    0.4 s of waiting before 0.3 s of computing.

    ## Fix
    Tokenise before training, or raise `dataloader_num_workers`.

    ## When it is wrong
    When other programs on the machine took its cores during the run.

    ## Sources
    Fault P22 of the catalogue.
    """
    waiting, working = trace.column("data_seconds").finite, trace.column("step_seconds").finite
    if len(waiting) < min_logs or len(waiting) != len(working):
        message = "the run was not timed by the watcher, or is too short"
        raise NotApplicableError(message)
    shares = waiting.values[1:] / np.maximum(waiting.values[1:] + working.values[1:], 1e-12)
    share = float(np.median(shares))
    if share <= max_share:
        return
    yield Finding(
        message=(
            f"{100 * share:.0f} % of each step is waiting for data: "
            f"{float(np.median(waiting.values[1:])):.3g} s of waiting for "
            f"{float(np.median(working.values[1:])):.3g} s of work"
        ),
        where=(
            Steps(metric="data_seconds", first=int(waiting.steps[0]), last=int(waiting.steps[-1])),
        ),
        evidence=(
            Number(
                name="waiting for data",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:.0f} %",
            ),
            evidence("data_seconds", waiting),
        ),
        impact=f"without the wait the run takes {100 * share:.0f} % less time",
        fixes=(
            Fix(
                title="tokenise before training, or raise dataloader_num_workers",
                safety=Safety.MANUAL,
            ),
        ),
    )
