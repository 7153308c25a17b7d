"""How long a training step takes on a GPU, as a range with where it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tunewell.core.finding import Record
from tunewell.knowledge import gpus
from tunewell.knowledge.efficiencies import Efficiency, measured
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.kernels import Spent, seconds_of
from tunewell.plan.simulated import Simulated, Work

USE = (0.10, 0.45)
"""Share of a GPU's peak that fine-tunes reach: 12 % was measured on T4 runs with fp32 adapters, and
40 to 45 % is what well-fed large runs report. A range, because no single share predicts well: 40 %
for all was 71 % off on the same T4 runs."""

HOSTS = 2.0
"""How much faster or slower than the measured host the user's own may launch kernels."""

ELSEWHERE = 1.1
"""By how much the range is wider still on a GPU on which nothing was measured. So wide, what the T4
reaches leaves 4 of 91 steps on the H200 outside, and the other way round 2 of 59
(benchmarks/results/step_time.md)."""

STEADY = 0.08
"""How far the same step lies from itself when it is measured again: six of fitcheck-llm's runs on
the T4 (its roles "calibration" and "repeat") differed by 2 to 15 % in all, 9 % on average."""


class Duration(Record, frozen=True):
    """Seconds, at best, likely and at worst, with where they come from. `low <= likely <= high`."""

    low: float
    likely: float
    high: float
    basis: str

    def times(self, count: float) -> Duration:
        """So many of it."""
        return Duration(self.low * count, self.likely * count, self.high * count, self.basis)


def seconds_of_step(
    simulated: Simulated, gpu: Gpu, *, known: Sequence[Efficiency] | None = None
) -> Duration:
    """Seconds of one optimizer step on one GPU, from the kernels of its simulation.

    Where steps were measured on this GPU, the range is as wide as these lay apart. On another one
    it holds what follows from the shares that every measured GPU reaches; likely is what the GPU of
    the nearest compute capability gives. Hosts differ either way: where the host cannot launch
    kernels as fast as the GPU runs them, the range is wider.

    Args:
        simulated: its `work` is counted.
        gpu: with its peaks.
        known: measured GPUs; those of `knowledge.efficiencies` by default.
    """
    return seconds_of_work(simulated.work, gpu, measured() if known is None else known)


def seconds_of_forward(
    simulated: Simulated, gpu: Gpu, *, known: Sequence[Efficiency] | None = None
) -> Duration:
    """Seconds of the forward passes of one optimizer step: those of an evaluation of its rows."""
    work = tuple(each for each in simulated.work if each.phase == "forward")
    return seconds_of_work(work, gpu, measured() if known is None else known)


def seconds_of_work(work: Sequence[Work], gpu: Gpu, known: Sequence[Efficiency]) -> Duration:
    """Seconds of these kernels on one GPU; `known` are GPUs that were measured, at least one."""
    own = next((each for each in known if each.gpu == gpu.name), None)
    taken = (own,) if own is not None else tuple(known)
    spent = seconds_of(work, gpu, own or min(known, key=lambda each: _apart(each, gpu)))
    wider = 1.0 if own is not None else ELSEWHERE
    fast = [
        seconds_of(work, gpu, each.with_host_of(host, times=1 / HOSTS)).whole * each.low
        for each in taken
        for host in taken
    ]
    slow = [
        seconds_of(work, gpu, each.with_host_of(host, times=HOSTS)).whole * each.high
        for each in taken
        for host in taken
    ]
    return Duration(
        low=min(fast) / wider,
        likely=spent.whole,
        high=max(slow) * wider,
        basis=f"{_counted(work, spent)} {_basis(own, known)}",
    )


def corrected(
    predicted: Duration, *, factor: float, low: float, high: float, runs: int
) -> Duration:
    """The prediction after earlier runs of the same kind on the same machine were measured.

    What they measured takes the place of the range: only their own spread is left, and what the
    same step differs by from one measurement to the next.

    Args:
        predicted: uncorrected.
        factor: measured seconds over predicted ones, the middle of the runs.
        low: the smallest such factor.
        high: the largest.
        runs: how many there are.
    """
    count = "1 run" if runs == 1 else f"{runs:,} runs"
    return Duration(
        low=predicted.likely * low * (1 - STEADY),
        likely=predicted.likely * factor,
        high=predicted.likely * high * (1 + STEADY),
        basis=f"what {count} on this GPU measured, {factor:.2f} times the time that was predicted",
    )


def from_peak(
    gpu: Gpu, *, parameters: int, tokens_per_step: int, steps: int, half: bool
) -> Duration:
    """A wide range where no step can be simulated: 6 operations a parameter and token.

    Kaplan et al. 2020, section 2.1, from memory. `half` says whether 16 bits are computed in.
    """
    operations = 6.0 * parameters * tokens_per_step * steps
    peak = (gpu.tflops_16 if half else gpu.tflops_32) * 1e12
    low_use, high_use = USE
    low, high = operations / (peak * high_use), operations / (peak * low_use)
    return Duration(
        low=low,
        likely=math.sqrt(low * high),
        high=high,
        basis=f"{100 * low_use:.0f} to {100 * high_use:.0f} % of the peak of {gpu.name}",
    )


def _apart(known: Efficiency, gpu: Gpu) -> float:
    other = gpus.find(known.gpu)
    if other is None or other.capability is None or gpu.capability is None:
        return math.inf
    return abs(other.capability - gpu.capability)


def _basis(own: Efficiency | None, known: Sequence[Efficiency]) -> str:
    if own is None:
        names = " and ".join(each.gpu for each in known)
        return (
            f"at the shares of a GPU's peaks that were measured on {names}: none was measured on "
            "this one"
        )
    return (
        f"at the shares of its peaks that {own.runs} measured runs of {own.models} models reached "
        f"on this GPU, {own.mean_error_percent:.0f} % off on average"
    )


def _counted(work: Sequence[Work], spent: Spent) -> str:
    kernels = sum(each.kernels for each in work)
    waits = (
        ", which the host cannot launch as fast as the GPU runs them,"
        if (spent.host > spent.device)
        else ""
    )
    return f"the {kernels:,} kernels of the simulated step{waits}"
