"""HW060: most of the GPU's memory is never used."""

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
from tunewell.facts.throughput import gpu_bytes
from tunewell.subjects.machine import Machine
from tunewell.subjects.trace import Trace

GIB = 1024**3


@check(
    "HW060",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def memory_to_spare(
    trace: Trace,
    machine: Machine | None,
    *,
    max_used: float = 0.4,
    fill: float = 0.8,
    min_steps: int = 100,
) -> Iterator[Finding]:
    """The run uses a small part of its GPU's memory, and saves memory at the cost of time.

    ## What it finds
    A run whose peak of reserved memory stays below `max_used` of the GPU's (0.4) after `min_steps`
    steps (100), while it accumulates gradients of smaller batches or recomputes layers by gradient
    checkpointing. Both buy memory with time, and there is enough.

    ## Why it matters
    A step takes longer than it need, for nothing.

    ## How it is measured
    PyTorch counts the most that was reserved and allocated since the process began, and the watcher
    notes what is allocated between two steps: weights and optimizer. The difference to the peak
    goes with the batch, gradients among it, so that what a larger batch takes is overrated. The
    largest multiple of the batch is told that fills at most `fill` of the memory (0.8) by that
    line and divides the accumulation. A batch that comes later and is longer than all so far would
    need more: hence the distance, and only advice.

    ## Example
    Rows one at a time, accumulated 16 times, with 6 of 80 GiB in use.

    ## Fix
    A larger `per_device_train_batch_size` with as much less accumulation, which learns the same; or
    `gradient_checkpointing=False`, which saves up to a quarter of each step's time.

    ## When it is wrong
    When much longer rows are still to come, or another process needs the memory.

    ## Sources
    torch.cuda.memory_stats; Chen et al. 2016 (a third more work with checkpointing).
    """
    size = gpu_bytes(trace, machine)
    most = trace.column("cuda_peak_reserved_bytes").finite
    peak, still = (
        trace.column("cuda_peak_bytes").finite,
        trace.column("cuda_allocated_bytes").finite,
    )
    if not size or not len(most) or not len(peak) or not len(still):
        reason = "GPU memory was not logged, or the size of the GPU is not known"
        raise NotApplicableError(reason)
    accumulated = _whole(trace, "gradient_accumulation_steps")
    batch = _whole(trace, "per_device_train_batch_size")
    recomputes = trace.settings.get("gradient_checkpointing") is True
    if accumulated <= 1 and not recomputes:
        reason = "the run saves no memory at the cost of time"
        raise NotApplicableError(reason)
    reserved = float(most.values.max())
    if trace.last_step < min_steps or reserved >= max_used * size:
        return
    fixed = float(np.median(still.values))
    moving = max(float(peak.values.max()) - fixed, 1.0)
    # Pieces that cannot be used grow with what is used.
    room = fill * size * float(peak.values.max()) / reserved - fixed
    larger = [k for k in range(2, accumulated + 1) if accumulated % k == 0 and k * moving <= room]
    if not larger and not recomputes:
        return
    yield Finding(
        message=(
            f"at most {reserved / GIB:,.1f} of the GPU's {size / GIB:,.1f} GiB were used, and the "
            f"run {_saves(accumulated, recomputes=recomputes)}"
        ),
        where=(
            Steps(
                metric="cuda_peak_reserved_bytes",
                first=int(most.steps[0]),
                last=int(most.steps[-1]),
            ),
        ),
        evidence=(
            Number(
                name="memory used",
                value=100 * reserved / size,
                unit="%",
                bound=f"at least {100 * max_used:g} %",
            ),
            evidence("cuda_peak_reserved_bytes", most),
        ),
        impact=_impact(max(larger, default=1), recomputes=recomputes),
        fixes=_fixes(batch, accumulated, max(larger, default=1), recomputes=recomputes),
    )


def _whole(trace: Trace, name: str) -> int:
    value = trace.settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 1


def _saves(accumulated: int, *, recomputes: bool) -> str:
    parts = [f"accumulates {accumulated:,} batches a step"] if accumulated > 1 else []
    parts += ["computes every layer twice (gradient checkpointing)"] if recomputes else []
    return " and ".join(parts)


def _impact(times: int, *, recomputes: bool) -> str:
    told = []
    if times > 1:
        told.append(f"a step takes between 1/{times} and all of its time with a batch {times} x")
    if recomputes:
        told.append("without checkpointing a step takes up to a quarter less time")
    return "; ".join(told)


def _fixes(batch: int, accumulated: int, times: int, *, recomputes: bool) -> tuple[Fix, ...]:
    fixes = []
    if times > 1:
        title = (
            f"per_device_train_batch_size={batch * times} with "
            f"gradient_accumulation_steps={accumulated // times}"
        )
        fixes.append(Fix(title=title, safety=Safety.MANUAL))
    if recomputes:
        title = "gradient_checkpointing=False, if a plan says that it fits"
        fixes.append(Fix(title=title, safety=Safety.MANUAL))
    return tuple(fixes)
