"""Rows that a call of `log` left, as W&B and Trackio keep them, on their way into a chronicle."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping
from typing import Any

from tunewell.readers.logs.chronicle import Chronicle
from tunewell.readers.logs.columns import number, whole
from tunewell.readers.logs.names import STEP_NAMES, TIME_NAMES

OWN = ("_step", "_runtime", "_timestamp", "_wandb", "_created_at", "")
"""What W&B adds to each row, and pandas to an export (its index has no name). No metrics."""

STEPS = tuple(name for name in STEP_NAMES if name not in {"iter", "iteration"})
"""Names of the optimizer step. An iteration may begin anew with each epoch."""

COUNTED = frozenset({"_step"})
"""Counts of calls, not of optimizer steps: taken where nothing better is there."""

STEP_WORDS = ("step", "iter", "batch")
"""A metric that others are drawn over counts steps where its name says so: `epoch` does not."""


class HistoryRows:
    """Puts rows where they belong: by the optimizer step, where the rows hold one.

    Integrations log the optimizer step among the metrics, and W&B counts calls. A row without it,
    in a run that logs it elsewhere, was logged at the last one known.
    """

    def __init__(self, chronicle: Chronicle) -> None:
        self.chronicle = chronicle
        self.rows = 0
        self._axes: dict[str, str] = {}
        self._patterns: list[tuple[str, str]] = []
        self._known: dict[str, int] = {}
        self._steps: set[str] = {*COUNTED}

    def draw_over(self, metric: str, axis: str, *, pattern: bool) -> None:
        """The run said over which metric others are drawn (`define_metric`)."""
        last = axis.rpartition("/")[2].lower()
        if axis in STEPS or not any(word in last for word in STEP_WORDS):
            return  # its own choice is none better
        self._steps.add(axis)
        if pattern:
            self._patterns.append((metric, axis))
        else:
            self._axes[metric] = axis

    def session(self) -> None:
        """The rows from here on are of a process of its own."""
        self.chronicle.session(self.rows + 1)

    def add(self, row: Mapping[str, Any], *, step: int | None, time: float = math.nan) -> None:
        """Take one row; `step` is the tool's own count, None where it keeps none."""
        self.rows += 1
        flat = dict(flattened(row))
        named = next((name for name in STEPS if name in flat), None)
        if named is not None:
            self._steps.add(named)
        for name in self._steps & flat.keys():
            taken = whole(flat[name])
            if taken is not None:
                self._known[name] = taken
        own = whole(flat.get("_step"))
        counted = own if step is None else step
        default = next((name for name in STEPS if name in self._known), None)
        if default in COUNTED or default is None:
            base = counted if counted is not None else self.rows - 1
        else:
            base = self._known[default]
        stamp = _time(flat) if math.isnan(time) else time
        for name, value in flat.items():
            if name in self._steps or name in OWN:
                continue
            taken_value = number(value)
            if taken_value is not None:
                axis = self._axis(name)
                at = base if axis is None else self._known.get(axis, base)
                self.chronicle.put(name, at, taken_value, time=stamp, at=self.rows)

    def _axis(self, name: str) -> str | None:
        axis = self._axes.get(name)
        if axis is None and self._patterns:
            axis = next((a for p, a in self._patterns if fnmatch.fnmatchcase(name, p)), None)
        return axis


def flattened(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a row; nested ones have their names joined by dots, media are left out."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            if "_type" not in value:
                yield from flattened(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _time(row: Mapping[str, Any]) -> float:
    for name in TIME_NAMES:
        taken = number(row.get(name))
        if name.startswith("_") and taken is not None:
            return taken
    return math.nan
