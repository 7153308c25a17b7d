"""Learning rates as a log shows them, against the closed forms of the usual schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.trace import Column, Trace

Values = NDArray[np.float64]

DECAYING = frozenset({"linear", "cosine"})
KNOWN = DECAYING | {"constant", "constant_with_warmup"}
"""Schedules of transformers whose closed form follows from the settings that every log holds."""

OFFSETS = (-1, 0)
"""transformers 5 logs the rate that a step was made with, transformers 4 that of the next one."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as the run's settings give it: kind, warm-up and length in optimizer steps."""

    kind: str
    warmup: int
    total: int

    def factor(self, steps: Values) -> Values:
        """The learning rate after so many steps of the scheduler, as a share of the highest.

        Source: transformers, `optimization.py`. A cosine goes up again after its end, as there.
        """
        warming = steps / max(1, self.warmup)
        if self.kind == "constant":
            return np.ones_like(steps)
        if self.kind == "constant_with_warmup":
            return np.where(steps < self.warmup, warming, 1.0)
        passed = (steps - self.warmup) / max(1, self.total - self.warmup)
        falling = 1 - passed if self.kind == "linear" else 0.5 * (1 + np.cos(math.pi * passed))
        return np.where(steps < self.warmup, warming, np.maximum(falling, 0.0))


def schedule_of(trace: Trace) -> Schedule | None:
    """The schedule that the run's settings give, None where they do not or it is another one."""
    kind = str(trace.settings.get("lr_scheduler_type", "")).rpartition(".")[2].lower()
    if kind not in KNOWN or trace.max_steps is None or trace.max_steps <= 0:
        return None
    if trace.settings.get("lr_scheduler_kwargs"):
        return None
    warmup = warmup_of(trace.settings, trace.max_steps)
    return None if warmup is None else Schedule(kind, warmup, trace.max_steps)


def warmup_of(settings: Mapping[str, Any], total: int) -> int | None:
    """Steps of warm-up; None where neither setting is a number or left out.

    In transformers 5 `warmup_steps` below 1 is a share of the run.
    """
    steps, share = settings.get("warmup_steps"), settings.get("warmup_ratio")
    for value in (steps, share):
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            return None
    if steps:
        return math.ceil(steps * total) if steps < 1 else int(steps)
    return math.ceil(share * total) if share else 0


def off_by(rates: Column, schedule: Schedule, *, speed: float = 1.0, offset: int = 0) -> float:
    """The largest distance of the logged rates from the closed form, as a share of the highest.

    The height is fitted: parameter groups may have rates of their own. `speed` is how often the
    scheduler was advanced a step.
    """
    shape = schedule.factor(np.maximum(np.floor((rates.steps + offset) * speed + 1e-9), 0.0))
    height = float(shape @ rates.values) / max(float(shape @ shape), 1e-300)
    if height <= 0:
        return math.inf
    return float(np.abs(rates.values / height - shape).max())


def closest(rates: Column, schedule: Schedule, *, speed: float = 1.0) -> float:
    """The distance with the better of the two ways of logging."""
    return min(off_by(rates, schedule, speed=speed, offset=offset) for offset in OFFSETS)


def by_rate(trace: Trace, column: Column) -> Column:
    """A column over the sum of learning rates up to each step, as parts per million of the whole.

    A decaying rate flattens every curve; over this axis only what is learned does. Unchanged where
    the log holds fewer than two learning rates.
    """
    rates = trace.column("learning_rate").finite
    if len(rates) < 2 or not len(column):  # noqa: PLR2004  no sum of one
        return column
    steps = np.arange(1, max(int(rates.steps[-1]), int(column.steps[-1])) + 1)
    passed = np.cumsum(np.interp(steps, rates.steps, rates.values))
    if passed[-1] <= 0:
        return column
    reached = passed[np.clip(column.steps - 1, 0, len(passed) - 1)] / passed[-1]
    return Column((1e6 * reached).astype(np.int64), column.values)


def zero_from(rates: Column, *, share: float = 1e-6) -> int | None:
    """The place from which on every logged rate is 0, or `share` of the highest; None if none."""
    if not len(rates) or rates.values.max() <= 0:
        return None
    above = np.flatnonzero(rates.values > share * rates.values.max())
    place = int(above[-1]) + 1
    return place if place < len(rates) else None
