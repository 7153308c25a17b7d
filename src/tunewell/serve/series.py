"""One metric while it grows, and what of it is drawn."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWN = 1_200
"""Points or buckets sent of one series at most. A chart is up to 900 pixels wide; a bucket keeps
its lowest and highest value, so that no spike is lost."""

DIGITS = 6
"""Significant digits sent: a pixel of a chart is a thousandth of its height."""


class Series:
    """The points of a metric, and how many of them make one bucket.

    Up to `DRAWN` points are sent as they are. Beyond, a bucket is `width` points that follow each
    other, and the width doubles whenever there are too many buckets, so that a point is sent about
    twice over a whole run. Each bucket remembers the revision of its last change: what a page lacks
    is then a bisection, however long it was away.
    """

    def __init__(self, drawn: int = DRAWN) -> None:
        self.steps = array("q")
        self.values = array("d")
        self.width = 1
        self.changed = 0
        self._drawn = drawn
        self._stamps: list[int] = []

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: int, value: float, revision: int) -> None:
        """Take one point. A step that was there gets the new value, a late one its place."""
        if not self.steps or step > self.steps[-1]:
            self.steps.append(step)
            self.values.append(value)
            self._touch(len(self.steps) - 1, revision)
            return
        at = bisect_left(self.steps, step)
        if self.steps[at] == step:
            self.values[at] = value
        else:
            self.steps.insert(at, step)
            self.values.insert(at, value)
        self._touch(at, revision)

    def extend(self, steps: Sequence[int], values: Sequence[float], revision: int) -> None:
        """Take many points; those that come in order are taken at once."""
        rising = all(one < other for one, other in pairwise(steps))
        if steps and rising and (not self.steps or steps[0] > self.steps[-1]):
            first = len(self.steps)
            self.steps.extend(steps)
            self.values.extend(values)
            self._touch(first, revision)
            return
        for step, value in zip(steps, values, strict=True):
            self.add(step, value, revision)

    def become(self, steps: NDArray[np.int64], values: NDArray[np.float64], revision: int) -> None:
        """Hold these points; what is there already and the same is left as it is."""
        shared = min(len(steps), len(self.steps))
        same = (np.array(self.steps[:shared], dtype=np.int64) == steps[:shared]) & (
            _equal(np.array(self.values[:shared], dtype=np.float64), values[:shared])
        )
        kept = int(np.argmin(same)) if not same.all() else shared
        if kept < len(self.steps):
            self._cut(kept, revision)
        if kept < len(steps):
            self.extend(steps[kept:].tolist(), values[kept:].tolist(), revision)

    def go_back(self, step: int, revision: int) -> None:
        """Drop the points after a step."""
        kept = bisect_right(self.steps, step)
        if kept < len(self.steps):
            self._cut(kept, revision)

    def _cut(self, kept: int, revision: int) -> None:
        del self.steps[kept:], self.values[kept:]
        self._touch(kept, revision)

    def _touch(self, index: int, revision: int) -> None:
        """The points from an index on are new or changed."""
        self.changed = revision
        if len(self.steps) > self._drawn * self.width:
            while len(self.steps) > self._drawn * self.width:
                self.width *= 2
            index = 0
        first = index // self.width
        del self._stamps[first:]
        self._stamps.extend([revision] * (-(-len(self.steps) // self.width) - first))

    def since(self, revision: int) -> dict[str, Any]:
        """What a page that knows a revision lacks: cut to `from` buckets, then append the rest.

        `s` holds the steps, `v` the values or, of buckets (`w` points wide), the means of the
        finite values with `lo` and `hi`. A value that is not finite is None; `lost` counts them.
        """
        first = bisect_right(self._stamps, revision)
        steps = np.array(self.steps[first * self.width :], dtype=np.int64)
        values = np.array(self.values[first * self.width :], dtype=np.float64)
        sent: dict[str, Any] = {"from": first, "w": self.width}
        if self.width == 1:
            return sent | {"s": steps.tolist(), "v": _short(values)}
        starts = np.arange(0, len(steps), self.width)
        if not len(starts):
            return sent | {"s": [], "v": [], "lo": [], "hi": []}
        ends = np.minimum(starts + self.width, len(steps)) - 1
        finite = np.isfinite(values)
        count = np.add.reduceat(finite, starts, dtype=np.int64)
        total = np.add.reduceat(np.where(finite, values, 0.0), starts)
        lowest = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        highest = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
        lost = ends - starts + 1 - count
        sent |= {
            "s": ((steps[starts] + steps[ends]) // 2).tolist(),
            "v": _short(np.where(count > 0, total / np.maximum(count, 1), np.nan)),
            "lo": _short(lowest),
            "hi": _short(highest),
        }
        return sent | {"lost": lost.tolist()} if lost.any() else sent


def _equal(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _short(values: NDArray[np.float64]) -> list[float | None]:
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]
