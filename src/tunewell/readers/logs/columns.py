"""Columns from logged rows."""

from __future__ import annotations

import math
from array import array
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


LARGEST = 2.0**63


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


class Logged:
    """One metric as it comes in, 24 bytes a point, so that a log of millions of points fits."""

    __slots__ = ("old_steps", "old_values", "rising", "steps", "times", "values")

    def __init__(self) -> None:
        self.steps, self.values, self.times = array("q"), array("d"), array("d")
        self.old_steps, self.old_values = array("q"), array("d")
        self.rising = True

    def put(self, step: int, value: float, time: float = math.nan) -> None:
        """Take a point, whether its step rises or not."""
        if self.steps and step <= self.steps[-1]:
            self.rising = False
        self.steps.append(step)
        self.values.append(value)
        self.times.append(time)

    def extend(self, steps: bytes, values: bytes, times: bytes) -> None:
        """Take many points at once, as bytes of int64, float64 and float64."""
        if steps:
            self.rising = False
            self.steps.frombytes(steps)
            self.values.frombytes(values)
            self.times.frombytes(times)

    def cut(self, step: int) -> None:
        """Lay the points after a step aside."""
        self._order()
        keep = int(np.searchsorted(np.array(self.steps), step, side="right"))
        self.old_steps.extend(self.steps[keep:])
        self.old_values.extend(self.values[keep:])
        del self.steps[keep:], self.values[keep:], self.times[keep:]

    def column(self) -> Column:
        """What stands: of a step that was logged twice the later value."""
        self._order()
        times = np.array(self.times)
        kept = None if np.isnan(times).any() else times
        return Column(np.array(self.steps), np.array(self.values), kept)

    def superseded(self) -> Column:
        """What was laid aside, and what a later value of the same step replaced."""
        self._order()
        steps, values = np.array(self.old_steps), np.array(self.old_values)
        order = np.argsort(steps, kind="stable")
        return Column(steps[order], values[order])

    def _order(self) -> None:
        if self.rising:
            return
        steps, values, times = np.array(self.steps), np.array(self.values), np.array(self.times)
        order = np.argsort(steps, kind="stable")
        steps, values, times = steps[order], values[order], times[order]
        repeated = np.append(steps[1:] == steps[:-1], False)
        following = np.append(values[1:], np.nan)
        same = (values == following) | (np.isnan(values) & np.isnan(following))
        replaced = repeated & ~same
        self.old_steps.frombytes(steps[replaced].tobytes())
        self.old_values.frombytes(values[replaced].tobytes())
        self.steps = array("q", steps[~repeated].tobytes())
        self.values = array("d", values[~repeated].tobytes())
        self.times = array("d", times[~repeated].tobytes())
        self.rising = True


class Points:
    """Gathers logged points, one after the other, and makes columns of them.

    Where steps go back the run was resumed: what the later part logs takes the place of what it
    repeats, which is kept apart.
    """

    def __init__(self) -> None:
        self._logged: dict[str, Logged] = {}
        self._reached = 0
        self.restarts: list[Restart] = []

    @property
    def names(self) -> list[str]:
        """The metrics seen so far, in the order of their coming."""
        return list(self._logged)

    def of(self, name: str) -> Logged:
        """The points of one metric, to put some there at once: steps that go back are late."""
        return self._logged.setdefault(name, Logged())

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
            if taken is not None and name != "step":
                self.of(name).put(step, taken, time)

    def go_back(
        self,
        step: int,
        settings: Mapping[str, Any] | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> None:
        """The run goes on after an earlier step: later points no longer stand.

        `step` is the first that will be logged again, or the one the run was taken up from.
        """
        put = (max(logged.steps) for logged in self._logged.values() if logged.steps)
        reached = max(self._reached, *put, 0)
        self.restarts.append(
            Restart(
                step=step,
                reached=reached,
                settings=MappingProxyType(dict(settings or {})),
                previous=MappingProxyType(dict(previous or {})),
            )
        )
        for logged in self._logged.values():
            logged.cut(step)
        self._reached = step

    def columns(self) -> dict[str, Column]:
        """What stands, by name."""
        return {name: logged.column() for name, logged in self._logged.items() if logged.steps}

    def superseded(self) -> dict[str, Column]:
        """What a later part repeated, by name. A step may occur more than once."""
        made = {name: logged.superseded() for name, logged in self._logged.items()}
        return {name: column for name, column in made.items() if len(column)}


def whole(value: object) -> int | None:
    """A logged value as a whole number, None where it is none or has no place in 64 bits."""
    taken = number(value)
    return int(taken) if taken is not None and abs(taken) < LARGEST else None


def split_summary(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, float]:
    """Take the values that are logged once at the end out of the rows, and return them."""
    summary: dict[str, float] = {}
    for _, values in rows:
        for name in SUMMARY:
            taken = number(values.pop(name, None))
            if taken is not None:
                summary[name] = taken
    return summary
