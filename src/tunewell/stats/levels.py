"""Has a curve risen or fallen? Levels, changes and their intervals, for points that hang together.

Logged values that follow each other are alike beyond chance: a reward that is high at one step is
high at the next. An interval that takes them for independent is too narrow. Here n points with a
correlation r from one to the next count as n (1 - r) / (1 + r) independent ones, which is what
they are worth for a mean where the correlation fades geometrically (Bayley and Hammersley 1946;
Wilks, "Statistical Methods in the Atmospheric Sciences", section 5.2.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Values = NDArray[np.float64]
SMALL_CHANCE = 0.01
SHORT = 6
"""Points up to which the correction for few points would be larger than what it corrects."""

FEWEST = 3
"""Points of a part of a curve below which nothing is said of their scatter."""


@dataclass(frozen=True, slots=True)
class Level:
    """A mean with its 95 % interval, which is without end where the points are too few."""

    mean: float
    low: float
    high: float
    error: float = math.inf
    freedom: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """The mean of a curve's end less that of its beginning, with its 95 % interval.

    `apart` says that the two parts do not overlap and that chance alone would part them so less
    than once in a hundred times (Wilcoxon's rank sum, exact). Three early points that fall steeply
    have a mean with a wide interval, and still all lie above what comes later.
    """

    first: Level
    last: Level
    by: float
    low: float
    high: float
    apart: bool = False

    @property
    def rose(self) -> bool:
        """Whether the interval lies above 0, or every late point above every early one."""
        return self.low > 0 or (self.apart and self.by > 0)

    @property
    def fell(self) -> bool:
        """Whether the interval lies below 0, or every late point below every early one."""
        return self.high < 0 or (self.apart and self.by < 0)


def level(values: Values) -> Level:
    """The mean of points in the order they were logged, shape (n,), all finite."""
    n = len(values)
    if n == 0:
        return Level(math.nan, -math.inf, math.inf)
    mean = float(values.mean())
    if n < FEWEST:
        return Level(mean, -math.inf, math.inf)
    worth = independent(values)
    error = float(values.std(ddof=1)) / math.sqrt(worth)
    half = _quantile(worth - 1) * error
    return Level(mean, mean - half, mean + half, error, worth - 1)


def change(values: Values, *, first_share: float = 1 / 3) -> Change:
    """What became of a curve between its first and its last third.

    `first_share` takes another part for the beginning, at least three points: a tenth for what may
    be over within the first third.
    """
    third = max(1, len(values) // 3)
    beginning = min(max(FEWEST, round(first_share * len(values))), max(third, 1))
    first, last = level(values[:beginning]), level(values[-third:])
    by = last.mean - first.mean
    error = math.hypot(first.error, last.error)
    half = math.inf
    if math.isfinite(error):
        half = _quantile(_welch(first, last)) * error
    early, late = values[:beginning], values[-third:]
    parted = early.max() < late.min() or late.max() < early.min()
    apart = bool(parted) and math.comb(len(early) + len(late), len(early)) >= 2 / SMALL_CHANCE
    return Change(first, last, by, by - half, by + half, apart)


def independent(values: Values) -> float:
    """How many independent points these are worth, from 2 to their number.

    The correlation of a short stretch is corrected for its bias (Marriott and Pope 1954, with one
    more of each term for the slope, by simulation).
    """
    n = len(values)
    # A curve that drifts is not correlated noise: what counts is the scatter around its line.
    around = values - np.polyval(np.polyfit(np.arange(n), values, 1), np.arange(n))
    power = float(around @ around)
    if power <= (1e-9 * float(np.abs(values).max(initial=0.0))) ** 2 * n:
        return float(n)  # rounding of a constant
    seen = float(around[1:] @ around[:-1]) / power
    # Around a fitted line the correlation of few points comes out too small by (2 + 4 r) / n.
    r = (seen + 2 / n) / (1 - 4 / n) if n > SHORT else seen
    return float(np.clip(n * (1 - r) / (1 + r), 2.0, n)) if r > -1 else float(n)


def _welch(first: Level, last: Level) -> float:
    """Degrees of freedom of a difference (Welch 1947)."""
    one, other = first.error**2, last.error**2
    if one + other == 0:
        return max(first.freedom, last.freedom)
    return (one + other) ** 2 / (one**2 / first.freedom + other**2 / last.freedom)


def _quantile(freedom: float) -> float:
    return float(stdtrit(max(freedom, 1.0), 0.975))
