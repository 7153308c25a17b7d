"""How long a fine-tune takes: steps by counting, seconds only where something is known of speed."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.knowledge.gpus import Gpu

USE = (0.10, 0.45)
"""Share of a GPU's peak that fine-tunes reach: 12 % was measured on T4 runs with fp32 adapters, and
40 to 45 % is what well-fed large runs report. A range, because no single share predicts well: 40 %
for all was 71 % off on the same T4 runs."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds of the run's training steps, as a range, with where it comes from."""

    low: float
    high: float
    basis: str


def from_peak(
    gpu: Gpu, *, parameters: int, tokens_per_step: int, steps: int, half: bool
) -> Duration:
    """A wide range from the GPU's peak: 6 operations a parameter and token (Kaplan et al. 2020)."""
    operations = 6.0 * parameters * tokens_per_step * steps
    peak = (gpu.tflops_16 if half else gpu.tflops_32) * 1e12
    low_use, high_use = USE
    return Duration(
        low=operations / (peak * high_use),
        high=operations / (peak * low_use),
        basis=f"{100 * low_use:.0f} to {100 * high_use:.0f} % of the peak of {gpu.name}",
    )


def from_measured(seconds_per_step: float, steps: int, *, spread: float = 0.2) -> Duration:
    """The range from a measured step; `spread` is how much steps of other lengths may differ."""
    seconds = seconds_per_step * steps
    return Duration(
        low=seconds * (1 - spread), high=seconds * (1 + spread), basis="a measured step"
    )
