"""Columns from logged rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tunewell.subjects.trace import Column, Restart

SUMMARY = (
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
    "total_flos",
)
"""What the Trainer logs once, at the end."""


def number(value: object) -> float | None:
    """A logged value as a number; NaN and infinity may be written as words. None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None


class Points:
    """Gathers logged points, one after the other, and makes columns of them.

    Where steps go back the run was resumed: what the later part logs takes the place of what it
    repeats, which is kept apart.
    """

    def __init__(self) -> None:
        self._points: dict[str, dict[int, tuple[float, float]]] = {}
        self._superseded: dict[str, list[tuple[int, float]]] = {}
        self._reached = 0
        self.restarts: list[Restart] = []

    def add(
        self, step: int, values: Mapping[str, Any], *, time: float = math.nan, resumed: bool = True
    ) -> None:
        """Take the values logged at a step; text and other things that are no numbers are left out.

        `time` is in seconds since 1970, NaN where the log has none. With `resumed` False a step
        that goes back is only late, as where several writers share a log.
        """
        if step < self._reached and resumed:
            self.go_back(step)
        self._reached = max(step, self._reached)
        for name, value in values.items():
            taken = number(value)
            if taken is None or name == "step":
                continue
            column = self._points.setdefault(name, {})
            if step in column and not _same(column[step][0], taken):
                self._superseded.setdefault(name, []).append((step, column[step][0]))
            column[step] = (taken, time)

    def go_back(
        self,
        step: int,
        settings: Mapping[str, Any] | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> None:
        """The run goes on after an earlier step: later points no longer stand.

        `step` is the first that will be logged again, or the one the run was taken up from.
        """
        self.restarts.append(
            Restart(
                step=step,
                reached=self._reached,
                settings=MappingProxyType(dict(settings or {})),
                previous=MappingProxyType(dict(previous or {})),
            )
        )
        for name, logged in self._points.items():
            for old in [known for known in logged if known > step]:
                self._superseded.setdefault(name, []).append((old, logged.pop(old)[0]))
        self._reached = step

    def columns(self) -> dict[str, Column]:
        """What stands, by name."""
        return {name: _column(logged) for name, logged in self._points.items() if logged}

    def superseded(self) -> dict[str, Column]:
        """What a later part repeated, by name. A step may occur more than once."""
        made: dict[str, Column] = {}
        for name, points in self._superseded.items():
            order = sorted(range(len(points)), key=lambda at: points[at][0])
            made[name] = Column(
                np.array([points[at][0] for at in order], dtype=np.int64),
                np.array([points[at][1] for at in order], dtype=np.float64),
            )
        return made


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _column(logged: Mapping[int, tuple[float, float]]) -> Column:
    steps = sorted(logged)
    times = np.array([logged[step][1] for step in steps], dtype=np.float64)
    return Column(
        np.array(steps, dtype=np.int64),
        np.array([logged[step][0] for step in steps], dtype=np.float64),
        None if np.isnan(times).any() else times,
    )


def whole(value: object) -> int | None:
    """A logged value as a whole number, None where it is none."""
    taken = number(value)
    return int(taken) if taken is not None and math.isfinite(taken) else None


def split_summary(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, float]:
    """Take the values that are logged once at the end out of the rows, and return them."""
    summary: dict[str, float] = {}
    for _, values in rows:
        for name in SUMMARY:
            taken = number(values.pop(name, None))
            if taken is not None:
                summary[name] = taken
    return summary
