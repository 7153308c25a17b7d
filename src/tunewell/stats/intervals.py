"""Intervals of shares and of any statistic of counted rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

CHUNK = 4_000_000
"""Cells drawn at once by the bootstrap: 32 MB of float64."""


def wilson(
    successes: ArrayLike, total: ArrayLike, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's score interval of a share, elementwise. 0 to 1 where `total` is 0.

    Source: Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small samples.
    """
    hits = np.asarray(successes, dtype=np.float64)
    rows = np.asarray(total, dtype=np.float64)
    z = float(ndtri(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / rows
        centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
        half = (
            z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
        )
    # At a share of exactly 0 or 1 rounding would put the bound a hair inside.
    low = np.where(hits > 0, np.clip(centre - half, 0.0, 1.0), 0.0)
    high = np.where(hits < rows, np.clip(centre + half, 0.0, 1.0), 1.0)
    empty = rows == 0
    return np.where(empty, 0.0, low), np.where(empty, 1.0, high)


def bootstrap(
    counts: ArrayLike,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic of rows of few kinds.

    Rows that count alike are one kind, so drawing rows with replacement is one multinomial draw
    over the kinds: the same distribution, without touching each row.

    Args:
        counts: rows of each kind, shape (kinds,).
        statistic: maps float64 counts of shape (resamples, kinds) to values of shape (resamples,).
        resamples: number of bootstrap samples.
        seed: of the random draws; the same seed gives the same interval.
        level: of the interval.
    """
    weights = np.asarray(counts, dtype=np.float64)
    total = int(weights.sum())
    if total == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    share = weights / weights.sum()
    at_once = max(1, CHUNK // max(1, len(weights)))
    values: list[NDArray[np.float64]] = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        values.append(statistic(rng.multinomial(total, share, size=size).astype(np.float64)))
    low, high = np.nanquantile(np.concatenate(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
