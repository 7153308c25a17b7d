"""What a run took in memory and time, beside what a plan had said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunewell.core.words import counted
from tunewell.facts.memo import fact
from tunewell.knowledge import gpus
from tunewell.subjects.trace import Column, Trace

GIB = 1024**3
NO_GPU = "none"
"""What a prediction of a run on the processor calls its card."""

WARM = 3
"""Steps at the beginning that are no measure: kernels are chosen, memory is taken for the first
time."""

LEAST_STEPS = 10
"""Steps after those that a mean is taken over, at least."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Peaks of the run's first process in bytes and the mean seconds of an optimizer step.

    The peaks are since the process began, as PyTorch counts them; None where they were not logged.
    `step_seconds` is without waiting for data, evaluations and saving. `steps` counts optimizer
    steps.
    """

    allocated_bytes: int | None
    reserved_bytes: int | None
    step_seconds: float | None
    steps: int


@fact
def measured(trace: Trace) -> Measured:
    """What the watcher measured of a run so far."""
    reserved = _most(trace.column("cuda_peak_reserved_bytes"))
    return Measured(
        allocated_bytes=_most(trace.column("cuda_peak_bytes")),
        reserved_bytes=_most(trace.column("cuda_reserved_bytes")) if reserved is None else reserved,
        step_seconds=_seconds(trace.column("step_seconds").finite),
        steps=trace.last_step,
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity as predicted and as measured; `unit` is "bytes" or "s"."""

    name: str
    predicted: float
    measured: float
    unit: str

    @property
    def off(self) -> float:
        """How much more was measured, as a share of what was predicted."""
        return self.measured / self.predicted - 1

    @property
    def text(self) -> str:
        """Such as "predicted 11.2 GiB, measured 11.3 GiB (+0.9 %)"."""
        return (
            f"predicted {_shown(self.predicted, self.unit)}, measured "
            f"{_shown(self.measured, self.unit)} ({100 * self.off:+.1f} %)"
        )


@fact
def compared(trace: Trace) -> tuple[Compared, ...]:
    """Each quantity that was both predicted and measured, most telling first."""
    plan, seen = trace.prediction, measured(trace)
    if plan is None or not same_gpu(trace):
        return ()
    pairs = (
        ("peak of allocated memory", plan.allocated_bytes, seen.allocated_bytes, "bytes"),
        ("peak of reserved memory", plan.reserved_bytes, seen.reserved_bytes, "bytes"),
        ("time of a step", plan.step_seconds, seen.step_seconds, "s"),
    )
    return tuple(
        Compared(name, float(said), float(was), unit)
        for name, said, was, unit in pairs
        if said and was
    )


def summary(trace: Trace) -> str:
    """One sentence on how the plan did, empty where the run had none."""
    found = compared(trace)
    if not found:
        return ""
    parts = "; ".join(f"{each.name}: {each.text}" for each in found)
    return f"{parts}; over {counted(measured(trace).steps, 'step')}"


def same_step(trace: Trace) -> bool:
    """Whether the run computed the step that it began with: no guard made its batches smaller."""
    return not any(each.kind == "smaller-batch" for each in trace.interventions)


def same_gpu(trace: Trace) -> bool:
    """Whether the run was on the GPU that its plan was made for; True where nobody says.

    A run that measured no memory of a GPU was on the processor, whose time says nothing of a GPU's.
    """
    plan = trace.prediction
    if plan is None:
        return False
    if trace.gpu_name is None:
        return plan.gpu == NO_GPU or measured(trace).allocated_bytes is not None
    known = gpus.find(trace.gpu_name)
    return trace.gpu_name == plan.gpu or (known is not None and known == gpus.find(plan.gpu))


def _most(column: Column) -> int | None:
    values = column.finite.values
    return int(values.max()) if len(values) else None


def _seconds(column: Column) -> float | None:
    values = column.values[WARM:]
    if len(values) < LEAST_STEPS:
        return None
    # The processor runs ahead of a GPU and waits where it is asked for a number: single steps mean
    # little, their sum is right. A step that an evaluation or another program fell into is not.
    usual = np.median(values)
    kept = values[values <= max(10 * usual, usual + 1.0)]
    return float(kept.mean())


def _shown(value: float, unit: str) -> str:
    return f"{value / GIB:,.1f} GiB" if unit == "bytes" else f"{value:.3g} s"
