"""The fit of what a GPU reaches: fourteen numbers that make the measured seconds of many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from scipy.optimize import minimize

from tunewell.knowledge.efficiencies import Efficiency
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.kernels import LAUNCHES, STAGES, rate, seconds_of
from tunewell.plan.simulated import Work

COMMAND = "python benchmarks/step_time.py"
PRIOR = {
    "matrix_16": 0.6,
    "unaligned_16": 0.1,
    "matrix_32": 0.7,
    "convolution": 0.3,
    "attention_16": 0.35,
    "attention_32": 0.4,
    "bandwidth": 0.65,
    "optimizer_bandwidth": 0.85,
    "kernel_seconds": 4e-6,
    "forward_launch": 40e-6,
    "recompute_launch": 50e-6,
    "backward_launch": 15e-6,
    "optimizer_launch": 20e-6,
    "packing_launch": 150e-6,
}
"""Where the fit begins, and is drawn to where data say nothing: usual figures, from memory."""

PULL = 0.01
"""Weight of one squared e-fold away from the prior, against the mean error of the logarithm."""

FIRMLY = {"kernel_seconds": 10.0}
"""What is pulled more: no GPU here takes much longer or less for the smallest kernel."""

STARTS = 2
"""The search goes on this often from where it ended: it has many dimensions and kinks."""

SOFT = 0.1
"""Errors below this count as squares: outliers must not decide."""

NAMES = tuple(PRIOR)
LEAST_SHARE = 1e-3
"""What is smaller is seconds."""

SHARES = (
    "matrix_16",
    "unaligned_16",
    "matrix_32",
    "convolution",
    "attention_16",
    "attention_32",
)
OPTIMIZER = STAGES.index(("optimizer",))
HOST = (*LAUNCHES.values(), "packing_launch")


@dataclass(frozen=True, slots=True)
class Row:
    """A measured step: its simulated work and its seconds. `held_out` rows are never fitted on."""

    name: str
    model: str
    work: tuple[Work, ...]
    seconds: float
    held_out: bool = False


def starting(gpu: Gpu) -> Efficiency:
    """The prior."""
    return Efficiency(
        gpu=gpu.name, low=1, high=1, runs=0, models=0, mean_error_percent=0, command=COMMAND,
        **PRIOR,
    )  # fmt: skip


class Together:
    """The work of many steps as arrays: `plan.kernels.seconds_of` of them all at once."""

    def __init__(self, rows: Sequence[Row], gpu: Gpu) -> None:
        self.count = len(rows)
        entries = [(place, work) for place, row in enumerate(rows) for work in row.work]
        self.places = np.array([place for place, _ in entries])
        self.stages = np.array(
            [next(n for n, s in enumerate(STAGES) if work.phase in s) for _, work in entries]
        )
        self.operations = np.array([work.operations for _, work in entries])
        self.bytes = np.array([work.bytes for _, work in entries])
        self.kernels = np.array([work.kernels for _, work in entries])
        self.launches = np.array(
            [
                HOST.index("packing_launch" if work.unit == "packing" else LAUNCHES[work.phase])
                for _, work in entries
            ]
        )
        self.seconds = np.array([row.seconds for row in rows])
        self.bandwidth = gpu.bandwidth_gb_s * 1e9
        # Each rate is a peak times one of the shares: found by asking with one share at a time.
        none = dict.fromkeys(SHARES, 0.0)
        self.peaks = np.array(
            [
                [rate(w, gpu, msgspec.structs.replace(starting(gpu), **{**none, share: 1.0}))
                 for share in SHARES]
                for _, w in entries
            ]
        )  # fmt: skip

    def whole(self, reached: Efficiency) -> Any:  # noqa: ANN401  an array
        """Seconds of each step."""
        rates = self.peaks @ np.array([getattr(reached, share) for share in SHARES])
        share = np.where(self.stages == OPTIMIZER, reached.optimizer_bandwidth, reached.bandwidth)
        traffic = self.bytes / (self.bandwidth * share)
        spent = np.maximum(self.operations / rates, traffic) + self.kernels * reached.kernel_seconds
        launches = np.array([getattr(reached, name) for name in HOST])
        launched = self.kernels * launches[self.launches]
        done = host = np.zeros(self.count)
        for stage in range(len(STAGES)):
            here = self.stages == stage
            host = host + np.bincount(self.places[here], launched[here], self.count)
            device = np.bincount(self.places[here], spent[here], self.count)
            done = np.maximum(done + device, host)
        return done


def fit(gpu: Gpu, rows: Sequence[Row]) -> Efficiency:
    """What the GPU reaches on these rows."""
    base = starting(gpu)
    centre = np.log([PRIOR[name] for name in NAMES])
    pull = PULL * np.array([FIRMLY.get(name, 1.0) for name in NAMES])
    together = Together(rows, gpu)

    def at(place: Any) -> Efficiency:  # noqa: ANN401  an array
        values = dict(zip(NAMES, np.exp(place).tolist(), strict=True))
        return msgspec.structs.replace(base, **values)

    def loss(place: Any) -> float:  # noqa: ANN401  an array
        errors = np.log(together.seconds / together.whole(at(place)))
        off = float(np.sqrt(errors**2 + SOFT**2).mean())
        return off + float((pull * (place - centre) ** 2).sum())

    best = centre
    for _ in range(STARTS):
        best = minimize(
            loss, best, method="Nelder-Mead", options={"maxiter": 3000, "fatol": 1e-6}
        ).x
    return msgspec.structs.replace(at(best), runs=len(rows))


def ratio(row: Row, gpu: Gpu, reached: Efficiency) -> float:
    """Measured over predicted seconds."""
    return row.seconds / seconds_of(row.work, gpu, reached).whole
