"""Whether rows stand in a random order: runs of equal values, and values that rise slowly."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of equal values in n rows.

    `mean` is how many rows a run has, `expected` how many it would have in a random order of the
    same rows, and `p_value` the chance of so few runs in a random order.
    """

    runs: int
    mean: float
    expected: float
    p_value: float

    @property
    def ratio(self) -> float:
        """How many times longer the runs are than in a random order."""
        return self.mean / self.expected


def runs_of(values: Sequence[Hashable]) -> Runs:
    """The runs of equal values.

    Mean and variance of their number over all orders of the same values are exact (Mood 1940); the
    normal law stands in for its tail.
    """
    ids: dict[Hashable, int] = {}
    codes = np.array([ids.setdefault(value, len(ids)) for value in values], dtype=np.int64)
    n = len(codes)
    runs = int((codes[1:] != codes[:-1]).sum()) + 1 if n else 0
    counts = np.bincount(codes).astype(np.float64)
    squares, cubes = float((counts**2).sum()), float((counts**3).sum())
    if n < 2 or squares == n * n:  # noqa: PLR2004  one row, or one value: every order is the same
        return Runs(runs, float(n), float(n) or 1.0, 1.0)
    expected = 1 + n - squares / n
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    # Half a run of correction makes the normal law fit a count.
    below = (runs + 0.5 - expected) / math.sqrt(variance) if variance > 0 else 0.0
    return Runs(runs, n / runs, n / expected, float(ndtr(below)))


def rank_autocorrelation(values: NDArray[np.int64]) -> float:
    """How much a row's rank tells of the next row's: 0 in a random order, 1 in a sorted one.

    One less half of Bartels' (1982) rank version of von Neumann's ratio; ties share their rank.
    """
    if len(values) < 2 or values.min() == values.max():  # noqa: PLR2004  nothing to be sorted
        return 0.0
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    steps, spread = np.diff(ranks), ranks - ranks.mean()
    return float(1 - (steps @ steps) / (2 * (spread @ spread)))
