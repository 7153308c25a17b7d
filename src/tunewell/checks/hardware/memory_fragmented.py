"""HW043: GPU memory that is reserved and cannot be used."""

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
from tunewell.subjects.machine import Machine
from tunewell.subjects.trace import Trace


@check(
    "HW043",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P14",),
)
def memory_fragmented(
    trace: Trace,
    machine: Machine | None,
    *,
    max_idle: float = 0.2,
    min_full: float = 0.85,
    min_points: int = 8,
) -> Iterator[Finding]:
    """GPU memory that the allocator holds in pieces too small to use, on a GPU that is almost full.

    ## What it finds
    A large part of the reserved GPU memory that was never in use at once, while nearly all of the
    GPU is reserved.

    ## Why it matters
    The next longer batch ends with "out of memory" although gigabytes are reserved and free.

    ## How it is measured
    PyTorch tells what it has reserved and the most that was allocated since the last log. At the
    median of the later half of the logs, at least `min_points` (8), the peak must leave more than
    `max_idle` of the reserved memory unused (0.2, the catalogue's bound), and the reserved memory
    must be at least `min_full` of the GPU's (0.85): with room left, reserved and unused memory does
    no harm. Needs the size of the GPU.

    ## Example
    21.8 of 24 GB reserved, of which at most 15.9 GB were in use.

    ## Fix
    `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`, and batches of more equal length
    (`group_by_length` or `train_sampling_strategy`).

    ## When it is wrong
    When the later half of the run has only short batches and the reserved memory is that of a long
    one, which comes again.

    ## Sources
    PyTorch, CUDA semantics, memory management; fault P14 of the catalogue.
    """
    reserved = trace.column("cuda_reserved_bytes").finite
    used = trace.column("cuda_peak_bytes").finite
    size = machine.gpu_bytes if machine is not None else None
    if len(reserved) < min_points or len(used) != len(reserved) or not size:
        reason = "GPU memory was not logged, or the size of the GPU is not known"
        raise NotApplicableError(reason)
    half = len(reserved) // 2
    # The most of the whole stretch: a long batch may be what the memory is kept for.
    held = float(np.median(reserved.values[half:]))
    most = float(used.values[half:].max())
    idle = 1 - most / max(held, 1.0)
    if idle <= max_idle or held < min_full * size:
        return
    yield Finding(
        message=(
            f"{held / 1e9:,.1f} of {size / 1e9:,.0f} GB of the GPU are reserved and at most "
            f"{most / 1e9:,.1f} GB were in use: {100 * idle:.0f} % are pieces that no tensor fits"
        ),
        where=(
            Steps(
                metric="cuda_reserved_bytes",
                first=int(reserved.steps[half]),
                last=int(reserved.steps[-1]),
            ),
        ),
        evidence=(
            Number(
                name="reserved and unused",
                value=100 * idle,
                unit="%",
                bound=f"at most {100 * max_idle:g} %",
            ),
            evidence("cuda_reserved_bytes", reserved),
        ),
        impact="the next longer batch may end out of memory",
        fixes=(
            Fix(
                title="set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, and batch rows of "
                "like length",
                safety=Safety.MANUAL,
            ),
        ),
    )
