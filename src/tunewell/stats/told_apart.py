"""Can a classifier tell two samples apart? A test that is exact however flexible the classifier.

Source: Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests". A classifier is fitted
on one half of the rows and judged on the other: given the classifier, rows of one source are
exchangeable there, so its area under the curve follows the law of Mann and Whitney whatever the
classifier is. Both halves take a turn; twice the smaller p-value is a p-value of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True, eq=False)
class ToldApart:
    """How well rows of the second sample are told from those of the first.

    `area` is the area under the receiver operating curve, 0.5 where they cannot be told apart, with
    its 95 % interval; `second` has, for each row of the second sample, how much it looks like that
    sample to a classifier that has not seen it, shape (n,).
    """

    area: float
    low: float
    high: float
    p_value: float
    second: NDArray[np.float64]


def tell_apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> ToldApart:
    """Test whether two samples of as many rows come from the same source.

    Row k of both samples goes into the same half: rows may be matched (by class, say), and the
    halves then hold the same classes on both sides.

    Args:
        first: rows of one sample, shape (n, d), n at least 4.
        second: rows of the other, shape (n, d).

    Raises:
        ValueError: if the samples differ in size or are too small.
    """
    n = len(first)
    if n != len(second) or n < 4:  # noqa: PLR2004  two rows of each source in each half
        message = "a test of two samples needs as many rows of each, at least four"
        raise ValueError(message)
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  1.5 s to import

    rows = np.concatenate([first, second])
    is_second = np.repeat([False, True], n)
    even = np.tile(np.arange(n) % 2 == 0, 2)
    scores = np.empty(2 * n)
    areas: list[float] = []
    p_values: list[float] = []
    for fitted in (even, ~even):
        model = LogisticRegression(C=0.3, max_iter=300).fit(rows[fitted], is_second[fitted])
        scores[~fitted] = model.decision_function(rows[~fitted])
        area, p_value = _area(scores[~fitted], is_second[~fitted])
        areas.append(area)
        p_values.append(p_value)
    area = float(np.mean(areas))
    half = NORMAL_95 * _error(area, n // 2)
    return ToldApart(
        area=area,
        low=max(0.0, area - half),
        high=min(1.0, area + half),
        p_value=min(1.0, 2 * min(p_values)),
        second=scores[n:],
    )


def _area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Area under the curve and the chance of one as large without any difference."""
    _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    some, others = int(positive.sum()), int((~positive).sum())
    area = (ranks[positive].sum() - some * (some + 1) / 2) / (some * others)
    spread = math.sqrt((some + others + 1) / (12 * some * others))
    return float(area), float(ndtr(-(area - 0.5) / spread))


def _error(area: float, rows: int) -> float:
    """Standard error of the area with so many rows a side (Hanley and McNeil 1982).

    Two halves that each judge `rows` rows know the area better than one; this is the error of one.
    """
    both_beat = area / (2 - area)
    beats_both = 2 * area * area / (1 + area)
    variance = area * (1 - area) + (rows - 1) * (both_beat + beats_both - 2 * area * area)
    return math.sqrt(max(variance, 0.0)) / rows
