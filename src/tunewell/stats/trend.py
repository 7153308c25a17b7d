"""The slope of a curve with an interval that allows for neighbouring points that go together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

FEWEST = 4
"""Points below which no slope is given: two of them go into the line itself."""

MOST_CORRELATED = 0.95
"""The correlation of neighbours that is allowed for at most: beyond it nothing is known."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through a curve: `slope` for each unit of x, with the ends of its interval.

    `level` is the line's value at the middle of x.
    """

    slope: float
    low: float
    high: float
    level: float

    @property
    def rises(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def falls(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high < 0


def trend(x: ArrayLike, y: ArrayLike, *, level: float = 0.95) -> Trend:
    """The least-squares line of y over x with Student's interval of its slope.

    Neighbours in a learning curve go together, which makes the plain interval too narrow: its
    variance is multiplied by (1 + r) / (1 - r), where r is the correlation of each residual with
    the next, as for an autoregressive series of first order (Bartlett 1946). The interval is
    infinite for fewer than four points.
    """
    places = np.asarray(x, dtype=np.float64)
    values = np.asarray(y, dtype=np.float64)
    count = len(places)
    middle = float(values.mean()) if count else math.nan
    if count < FEWEST or np.ptp(places) == 0:
        return Trend(0.0, -math.inf, math.inf, middle)
    centred = places - places.mean()
    spread = float(centred @ centred)
    slope = float(centred @ values) / spread
    rest = values - middle - slope * centred
    variance = float(rest @ rest) / (count - 2)
    inner = float(rest[:-1] @ rest[1:])
    whole = float(rest @ rest)
    together = min(max(inner / whole, 0.0), MOST_CORRELATED) if whole > 0 else 0.0
    error = math.sqrt(variance / spread * (1 + together) / (1 - together))
    half = error * float(stdtrit(count - 2, 0.5 + level / 2))
    return Trend(slope, slope - half, slope + half, middle)
