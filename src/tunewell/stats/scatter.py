"""Scores of runs that differ by chance alone, and whether two groups of them differ by more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import chdtri, stdtr, stdtrit

MOST_ARRANGEMENTS = 200_000
"""Ways to share the runs out among two groups, up to which all are tried."""

ENOUGH_ARRANGEMENTS = 40
"""From so many on an exact two-sided p-value can fall to 0.05: 2 in 40."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The scores of several runs: their mean and standard deviation with 95 % intervals.

    `least_gain` is the difference between two single runs that chance exceeds once in 20 times.
    """

    mean: float
    low: float
    high: float
    deviation: float
    deviation_low: float
    deviation_high: float
    least_gain: float


def spread(scores: Sequence[float]) -> Spread:
    """The spread of at least two scores, taken as normal.

    Raises:
        ValueError: if there are fewer than two.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(values) < 2:  # noqa: PLR2004  one score has no spread
        message = "a spread takes two scores"
        raise ValueError(message)
    freedom = len(values) - 1
    deviation = float(values.std(ddof=1))
    quantile = float(stdtrit(freedom, 0.975))
    half = quantile * deviation / math.sqrt(len(values))
    # chdtri takes the probability above.
    above, below = float(chdtri(freedom, 0.025)), float(chdtri(freedom, 0.975))
    mean = float(values.mean())
    return Spread(
        mean=mean,
        low=mean - half,
        high=mean + half,
        deviation=deviation,
        deviation_low=deviation * math.sqrt(freedom / above),
        deviation_high=deviation * math.sqrt(freedom / below),
        least_gain=quantile * deviation * math.sqrt(2),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a second group less that of a first, with a 95 % interval.

    `exact` tells that `p_value` is from all ways to share the runs out, False that it and the
    interval rest on a normal scatter alone.
    """

    value: float
    low: float
    high: float
    p_value: float
    exact: bool


def difference(
    first: Sequence[float], second: Sequence[float], others: Sequence[Sequence[float]] = ()
) -> Difference | None:
    """Whether two groups of scores differ by more than their scatter; None where none is known.

    The interval is Welch's, for groups that may scatter differently, where both have two scores or
    more. Otherwise the scatter of all groups that have, `others` among them, is taken for both. The
    p-value is that of the exact permutation test where the groups are large enough for one.

    Sources: Welch 1947 with Satterthwaite's degrees of freedom; Fisher 1935 for the exact test.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    value = float(b.mean() - a.mean())
    if min(len(a), len(b)) > 1:
        parts = [float(x.var(ddof=1)) / len(x) for x in (a, b)]
        error, freedom = math.sqrt(sum(parts)), math.inf
        if error > 0:
            below = sum(v * v / (len(x) - 1) for v, x in zip(parts, (a, b), strict=True))
            freedom = error**4 / below
    else:
        known = [np.asarray(x, dtype=np.float64) for x in (a, b, *others) if len(x) > 1]
        freedom = float(sum(len(x) - 1 for x in known))
        if not freedom:
            return None
        pooled = sum(float(((x - x.mean()) ** 2).sum()) for x in known) / freedom
        error = math.sqrt(pooled * (1 / len(a) + 1 / len(b)))
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 0 else 0.0, exact=False)
    half = error * (1.959964 if freedom == math.inf else float(stdtrit(freedom, 0.975)))
    exact = permutation(a.tolist(), b.tolist())
    by_t = 2 * float(stdtr(freedom, -abs(value) / error))
    p_value = by_t if exact is None else exact
    return Difference(value, value - half, value + half, p_value, exact=exact is not None)


def permutation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Exact two-sided p-value of a difference of means, over every way to share the scores out.

    None where there are too few ways for it to fall to 0.05, or too many to try.
    """
    scores = np.array([*first, *second], dtype=np.float64)
    ways = math.comb(len(scores), len(first))
    if not ENOUGH_ARRANGEMENTS <= ways <= MOST_ARRANGEMENTS:
        return None
    chosen = np.array(list(combinations(range(len(scores)), len(first))))
    sums = scores[chosen].sum(axis=1)
    rest = scores.sum() - sums
    moved = np.abs(rest / len(second) - sums / len(first))
    seen = abs(float(np.mean(second)) - float(np.mean(first)))
    return float(np.mean(moved >= seen - 1e-12 * max(1.0, float(np.abs(scores).max()))))
