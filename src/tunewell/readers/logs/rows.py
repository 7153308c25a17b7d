"""Rows of a log whose steps are known only at its end, or that holds several runs.

`Points` answers at any moment what stands so far, which a live run needs; here a file is read to
its end first, 16 bytes a point.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tunewell.readers.logs.columns import Points
from tunewell.subjects.trace import Column, Restart

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

OWN_SPACING = 1.5
"""A run that starts anew logs first after one logging interval, or earlier; one taken up from a
checkpoint logs later. Half an interval more leaves room for a first log that came late."""


FEW = 3
"""Numbers by which a spacing is told."""


class LogRows:
    """Rows in the order in which they were written: a step each, and values by name."""

    def __init__(self) -> None:
        self._steps = array("q")
        self._times = array("d")
        self._rows: dict[str, array[int]] = {}
        self._values: dict[str, array[float]] = {}

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._steps)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics, in the order in which they appeared."""
        return tuple(self._rows)

    def add(
        self, step: int, values: Iterable[tuple[str, float]], time: float = float("nan")
    ) -> None:
        """Take a row. `time` is in seconds since 1970, NaN where the log has none."""
        row = len(self._steps)
        self._steps.append(step)
        self._times.append(time)
        for name, value in values:
            if name not in self._rows:
                self._rows[name], self._values[name] = array("q"), array("d")
            self._rows[name].append(row)
            self._values[name].append(value)

    @property
    def steps(self) -> Whole:
        """The step of each row."""
        return np.array(self._steps, dtype=np.int64)

    def metric(self, name: str) -> tuple[Whole, Real]:
        """In which rows a metric stands, and its values."""
        return (
            np.array(self._rows.get(name, ()), dtype=np.int64),
            np.array(self._values.get(name, ()), dtype=np.float64),
        )

    def drop_fillers(self) -> None:
        """Take out NaN that stands only for "not logged in this row".

        pandas fills a table so, if it is told to write NaN as a word. It is known by numbers that
        stand in every nth row alone: what lies between them was never logged.
        """
        for name in self._rows:
            rows, values = self.metric(name)
            told = rows[np.isfinite(values)]
            if len(told) < FEW or len(told) == len(rows):
                continue
            every = int(np.gcd.reduce(np.diff(told)))
            keep = np.isfinite(values) | ~np.isnan(values) | ((rows - told[0]) % every == 0)
            if every > 1 and not keep.all():
                self._rows[name] = array("q", rows[keep].tobytes())
                self._values[name] = array("d", values[keep].tobytes())

    def runs(self) -> list[Run]:
        """The runs that were appended to one another: each starts where the steps begin again."""
        steps = self.steps
        starts = [0, *run_starts(steps)]
        ends = [*starts[1:], len(steps)]
        return [self.run(start, end) for start, end in zip(starts, ends, strict=True)]

    def run(self, start: int, end: int, steps: Whole | None = None) -> Run:
        """The rows from `start` to before `end`, with other steps where they are given."""
        told = self.steps[start:end] if steps is None else steps.astype(np.int64)
        times = np.array(self._times[start:end], dtype=np.float64)
        back = (np.flatnonzero(np.diff(told) < 0) + 1).tolist()
        if not back and len(told) and (np.diff(told) > 0).all():
            # Nothing was repeated: the columns are the rows, without a copy in between.
            timed = not np.isnan(times).any()
            plain = ((name, self._within(name, start, end)) for name in self._rows)
            columns = {
                name: Column(told[at], values, times[at] if timed else None)
                for name, (at, values) in plain
                if len(at)
            }
            return Run(columns, {}, ())
        metrics = {name: self._within(name, start, end) for name in self._rows}
        points = Points()
        for first, after in pairwise([0, *back, end - start]):
            if first:
                points.go_back(int(told[first]))
            for name, (rows, values) in metrics.items():
                part = slice(*np.searchsorted(rows, (first, after)).tolist())
                at = rows[part]
                points.of(name).extend(
                    told[at].tobytes(), values[part].tobytes(), times[at].tobytes()
                )
        return Run(points.columns(), points.superseded(), tuple(points.restarts))

    def _within(self, name: str, start: int, end: int) -> tuple[Whole, Real]:
        rows, values = self.metric(name)
        part = slice(*np.searchsorted(rows, (start, end)).tolist())
        return rows[part] - start, values[part]


class Run:
    """What stands of a run, what was repeated, and where it was taken up again."""

    def __init__(
        self,
        columns: dict[str, Column],
        superseded: dict[str, Column],
        restarts: tuple[Restart, ...],
    ) -> None:
        self.columns = columns
        self.superseded = superseded
        self.restarts = restarts

    @property
    def trains(self) -> bool:
        """Whether more than a lone evaluation was logged."""
        return any(len(column) > 1 for column in self.columns.values())


def run_starts(steps: Whole) -> list[int]:
    """The rows at which another run starts: the steps go back to where runs begin.

    Where they go back less far the same run was taken up again. The distance between the first
    rows tells the two apart: a run from the beginning logs first after about one such distance.
    """
    found: list[int] = []
    for at in (np.flatnonzero(np.diff(steps) < 0) + 1).tolist():
        begun = found[-1] if found else 0
        spacing = _spacing(steps[at : at + 8]) or _spacing(steps[begun:at])
        if steps[at] <= max(OWN_SPACING * spacing, 1):
            found.append(at)
    return found


def _spacing(steps: Whole) -> float:
    rises = np.diff(steps)
    rises = rises[rises > 0]
    return float(np.median(rises)) if len(rises) else 0.0
