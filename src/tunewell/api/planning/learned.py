"""What earlier runs of the project measured, and what this plan says to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tunewell.api.planning import money
from tunewell.api.planning.opened import Opened
from tunewell.knowledge.gpus import Gpu
from tunewell.plan import corrections
from tunewell.plan.corrections import Factor, Factors
from tunewell.plan.hunt import Simulate
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.plan.time import Duration, corrected
from tunewell.subjects.prediction import Prediction

NAME = "prediction.json"
"""In the folder of the runs, beside what they taught."""


class Learned:
    """Simulations as earlier runs on the same GPU with the same architecture correct them.

    Args:
        opened: the project and the GPU.
        step: of the model.
        simulate: uncorrected.
    """

    def __init__(self, opened: Opened, step: Step, simulate: Simulate) -> None:
        self._simulate = simulate
        self._made: list[tuple[Simulated, Simulated]] = []
        self._gpu = gpu_name(opened)
        self._architecture = architecture(step)
        known = corrections.read(opened.runs / corrections.NAME) if opened.runs else ()
        self.factors = (
            corrections.factors(known, gpu=self._gpu, architecture=self._architecture)
            if self._gpu is not None
            else Factors()
        )

    def __call__(self, steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        """The corrected answers, in order."""
        return [
            self._corrected(raw) if isinstance(raw, Simulated) else raw
            for raw in self._simulate(steps)
        ]

    def clock(self, clock: money.Clock, own: Gpu | None) -> money.Clock:
        """The same clock, which says of the GPU that was measured what was measured there."""
        factor = self.factors.seconds
        if factor is None or own is None:
            return clock

        def told(gpu: Gpu) -> money.Timed | None:
            took = clock(gpu)
            return took if took is None or gpu.name != own.name else _timed(took, factor)

        return told

    def raw(self, found: Simulated) -> Simulated:
        """What was simulated where `found` is what was made of it."""
        return next((raw for made, raw in self._made if made is found), found)

    def prediction(self, step: Step, found: Simulated, seconds: float | None) -> Prediction | None:
        """What a run is to be held against, uncorrected; None where no GPU is known."""
        if self._gpu is None:
            return None
        raw = self.raw(found)
        return Prediction(
            allocated_bytes=raw.peak_allocated,
            reserved_bytes=raw.peak_reserved,
            gpu=self._gpu,
            architecture=self._architecture,
            step=corrections.mark_of(step),
            step_seconds=seconds,
        )

    def facts(self, found: Simulated, seconds: float | None) -> dict[str, Any] | None:
        """The factors with what was simulated; None where nothing is corrected."""
        if not self.factors.text:
            return None
        raw = self.raw(found)
        return {
            "gpu": self._gpu,
            "architecture": self._architecture,
            "allocated": _factor_facts(self.factors.allocated),
            "reserved": _factor_facts(self.factors.reserved),
            "seconds": _factor_facts(self.factors.seconds),
            "uncorrected": {
                "peak_allocated_bytes": raw.peak_allocated,
                "peak_reserved_bytes": raw.peak_reserved,
                "step_seconds": seconds,
            },
        }

    def _corrected(self, raw: Simulated) -> Simulated:
        allocated, reserved = self.factors.allocated, self.factors.reserved
        if allocated is None and reserved is None:
            return raw
        peak = round(raw.peak_allocated * (allocated.value if allocated is not None else 1.0))
        taken = reserved.value if reserved is not None else 1.0
        made = msgspec.structs.replace(
            raw,
            peak_allocated=peak,
            peak_reserved=max(peak, round(raw.peak_reserved * taken)),
            smallest_capacity=max(peak, round(raw.smallest_capacity * taken)),
        )
        self._made.append((made, raw))
        return made


def gpu_name(opened: Opened) -> str | None:
    """The GPU as the table names it, else as its driver does; None without one."""
    return opened.gpu.name if opened.gpu is not None else opened.machine.gpu_name


def architecture(step: Step) -> str:
    """The model's kind, by which runs are alike."""
    return str(step.config.get("model_type"))


def prediction_file(runs: Path) -> Path:
    """Where the plan of a project tells its runs what it predicts."""
    return runs / NAME


def _timed(took: money.Timed, factor: Factor) -> money.Timed:
    predicted = Duration(took.low, took.likely, took.high, took.basis)
    made = corrected(
        predicted, factor=factor.value, low=factor.low, high=factor.high, runs=factor.runs
    )
    return money.Timed(made.low, made.likely, made.high, made.basis)


def _factor_facts(factor: Factor | None) -> dict[str, Any] | None:
    if factor is None:
        return None
    return {"value": factor.value, "low": factor.low, "high": factor.high, "runs": factor.runs}
