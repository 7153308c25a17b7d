"""Logged points of tools that do not say where a run was taken up again: it is found here.

A point is put with a number that says when it came, `at`: a count of rows or a time. A metric whose
steps go back was logged by a later part of the run, or late, or by several writers at once, and
only the first replaces what it repeats. It is told by this: the steps from there on rise, and log
again at least half of the steps that they pass. Where the tool began a new file or folder the
reader calls `session()`; a metric that begins there at a step it had passed was taken up again.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tunewell.readers.logs.columns import Points
from tunewell.readers.logs.names import trace_name

MOST_TURNS = 0.25
"""Share of a metric's points. Steps of several writers stay or go back with every other point."""

REPEATED = 0.5
"""Share of the steps passed again that must be logged again. A resumed run logs all of them."""

NO_METRICS = frozenset({"epoch"})
"""Logged by training and by evaluation beside it, so its steps may go back at any time."""


@dataclass(slots=True)
class Stream:
    """One metric: 32 bytes a point."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    times: array[float] = field(default_factory=lambda: array("d"))
    at: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a metric's steps go back: when, and to which step."""

    at: float
    step: int
    name: str


class Chronicle:
    """Points of many metrics, put in the order of their coming within each metric."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._sessions: list[float] = []
        self._told: list[Turn] = []

    def __len__(self) -> int:
        """Number of points."""
        return sum(len(stream.steps) for stream in self._streams.values())

    def stream(self, name: str) -> Stream:
        """The points of one metric, to append to."""
        found = self._streams.get(name)
        if found is None:
            found = self._streams[name] = Stream()
        return found

    def put(self, name: str, step: int, value: float, *, time: float, at: float) -> None:
        """Take one point; `time` is in seconds since 1970 or NaN."""
        stream = self.stream(name)
        stream.steps.append(step)
        stream.values.append(value)
        stream.times.append(time)
        stream.at.append(at)

    def number_if_all_at_zero(self) -> None:
        """Number each metric's points in the order of their coming where no step was ever given."""
        if any(any(stream.steps) for stream in self._streams.values()):
            return
        for stream in self._streams.values():
            order = np.argsort(np.array(stream.at), kind="stable")
            steps = np.empty(len(order), dtype=np.int64)
            steps[order] = np.arange(len(order))
            stream.steps = array("q", steps.tobytes())

    def session(self, at: float) -> None:
        """What comes from here on was logged by a process of its own, after the one before."""
        self._sessions.append(at)

    def restart(self, at: float, step: int) -> None:
        """The tool says itself that what comes from here on replaces points after a step."""
        self._told.append(Turn(at, step, ""))

    def points(self) -> Points:
        """All points, with the restarts that were found."""
        arrays = {name: _Arrays(stream) for name, stream in self._streams.items()}
        self._streams = {}
        points = Points()
        done = dict.fromkeys(arrays, 0)
        for turn in self._restarts(arrays):
            for name, known in arrays.items():
                end = int(np.searchsorted(known.at, turn.at, side="left"))
                points.of(name).extend(*known.part(done[name], end))
                done[name] = end
            points.go_back(turn.step)
        for name, known in arrays.items():
            points.of(name).extend(*known.part(done[name], len(known.at)))
        return points

    def _restarts(self, arrays: dict[str, _Arrays]) -> list[Turn]:
        metrics = {
            name: known for name, known in arrays.items() if trace_name(name) not in NO_METRICS
        }
        turns = [
            turn for name, known in metrics.items() for turn in known.turns(name, self._sessions)
        ]
        accepted: list[Turn] = []
        # Of one row all metrics go back at once: the least step is where the run began again.
        for turn in sorted((*turns, *self._told), key=lambda turn: (turn.at, turn.step)):
            asked = [metrics[turn.name]] if turn.name else metrics.values()
            if any(known.standing(turn.at, accepted) > turn.step for known in asked):
                accepted.append(turn)
        return accepted


class _Arrays:
    """A stream as arrays, in the order of coming."""

    def __init__(self, stream: Stream) -> None:
        self.steps: NDArray[np.int64] = np.array(stream.steps, dtype=np.int64)
        self.values: NDArray[np.float64] = np.array(stream.values, dtype=np.float64)
        self.times: NDArray[np.float64] = np.array(stream.times, dtype=np.float64)
        self.at: NDArray[np.float64] = np.array(stream.at, dtype=np.float64)
        if (self.at[1:] < self.at[:-1]).any():
            order = np.argsort(self.at, kind="stable")
            self.steps, self.values = self.steps[order], self.values[order]
            self.times, self.at = self.times[order], self.at[order]

    def part(self, start: int, end: int) -> tuple[bytes, bytes, bytes]:
        """The points of a stretch, as the bytes of their steps, values and times."""
        return (
            self.steps[start:end].tobytes(),
            self.values[start:end].tobytes(),
            self.times[start:end].tobytes(),
        )

    def turns(self, name: str, sessions: list[float]) -> list[Turn]:
        """The places where this metric was logged again by a later part of the run."""
        back = np.flatnonzero(self.steps[1:] < self.steps[:-1]) + 1
        rare = np.count_nonzero(self.steps[1:] <= self.steps[:-1]) <= MOST_TURNS * len(self.steps)
        places = [place for place in back.tolist() if self._again(place)] if rare else []
        for session in sessions:
            place = int(np.searchsorted(self.at, session, side="left"))
            if 0 < place < len(self.at) and self.steps[place] < self.steps[:place].max():
                places.append(place)
        return [
            Turn(float(self.at[place]), int(self.steps[place]), name)
            for place in sorted(set(places))
        ]

    def _again(self, place: int) -> bool:
        """Whether the points from a place on log again what they pass."""
        earlier, later = self.steps[:place], self.steps[place:]
        falls = np.flatnonzero(later[1:] <= later[:-1])
        later = later[: int(falls[0]) + 1] if len(falls) else later
        passed = np.unique(earlier[(earlier >= later[0]) & (earlier <= later[-1])])
        return len(passed) > 0 and np.isin(passed, later).mean() >= REPEATED

    def standing(self, before: float, accepted: list[Turn]) -> int:
        """The step that this metric had come to before a time, as far as it still stands.

        -1 where nothing does.
        """
        place = int(np.searchsorted(self.at, before, side="left"))
        steps, at = self.steps[:place], self.at[:place]
        keep = np.ones(place, dtype=bool)
        for turn in accepted:
            keep &= (at >= turn.at) | (steps < turn.step)
        return int(steps[keep].max()) if keep.any() else -1
