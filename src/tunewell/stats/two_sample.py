"""Have two samples come from the same source? Permutation tests, exact at any sample size.

A permutation test counts how often a random re-division of the pooled rows differs by as much as
the division at hand. With m random re-divisions of which b are at least as far, (b + 1) / (m + 1)
is a p-value whose error rate is never above its level (Phipson and Smyth 2010), however small the
samples. Fixed thresholds on a distance are not: they alarm always or never as n changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 100
"""Permutations computed in one matrix product."""


@dataclass(frozen=True, slots=True)
class TwoSample:
    """A test's p-value and its effect size; `rows` are the rows of each side that were used."""

    p_value: float
    effect: float
    rows: tuple[int, int]


def mmd_test(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    *,
    permutations: int = 500,
    most_rows: int = 1000,
    seed: int = 0,
) -> TwoSample:
    """Kernel two-sample test: maximum mean discrepancy with a Gaussian kernel.

    The kernel's width is the median distance of the pooled rows (Gretton et al. 2012). The effect
    is the unbiased estimate of the squared discrepancy (0 where nothing moved, at most 2).

    Args:
        first: rows of one sample, shape (n, d).
        second: rows of the other, shape (m, d).
        permutations: re-divisions; the smallest possible p-value is 1 / (permutations + 1).
        most_rows: rows of a side above which a random part of it is used.
        seed: of the random draws.

    Raises:
        ValueError: if a side has fewer than two rows.
    """
    rng = np.random.default_rng(seed)
    first, second = _part(first, most_rows, rng), _part(second, most_rows, rng)
    if min(len(first), len(second)) < 2:  # noqa: PLR2004  one row has no spread
        message = "a two-sample test needs at least two rows a side"
        raise ValueError(message)
    kernel = _gaussian_kernel(np.concatenate([first, second]))
    sizes = (len(first), len(second))
    seen = _discrepancy(kernel, np.arange(sum(sizes))[None, :] < sizes[0], sizes)[0]
    beyond = 0
    for start in range(0, permutations, AT_ONCE):
        count = min(AT_ONCE, permutations - start)
        order = rng.permuted(np.tile(np.arange(sum(sizes)), (count, 1)), axis=1)
        beyond += int(np.sum(_discrepancy(kernel, order < sizes[0], sizes) >= seen - 1e-12))
    return TwoSample((beyond + 1) / (permutations + 1), float(seen), sizes)


def witness(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    *,
    most_rows: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """How much more each row of `second` resembles `second` than `first`, shape (m,).

    The witness function of the discrepancy (Gretton et al. 2012): its largest values are the rows
    that moved most. A row's likeness to itself is left out.
    """
    rng = np.random.default_rng(seed)
    old, new = _part(first, most_rows, rng), _part(second, most_rows, rng)
    pooled = np.concatenate([old, new])
    width = _median(_squares(pooled, pooled))
    squares = _squares(second, new)
    like_new = np.exp(-squares / width)
    own = squares <= 1e-9 * width
    like_new[own] = 0.0
    counted = np.maximum((~own).sum(axis=1), 1)
    like_old = np.exp(-_squares(second, old) / width).mean(axis=1)
    return np.asarray(like_new.sum(axis=1) / counted - like_old)


def shares_test(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    *,
    permutations: int = 2000,
    seed: int = 0,
) -> TwoSample:
    """Permutation test of category shares with the chi-square statistic.

    The effect is the total variation distance of the two sets of shares, 0 to 1: the share of rows
    that would have to change category. Counts may be as small as they are: nothing is asymptotic.

    Args:
        first: ids of the categories of one sample, shape (n,).
        second: those of the other, shape (m,).
        permutations: re-divisions.
        seed: of the random draws.

    Raises:
        ValueError: if a side is empty.
    """
    if not len(first) or not len(second):
        message = "a two-sample test needs rows on both sides"
        raise ValueError(message)
    kinds = int(max(first.max(), second.max())) + 1
    one = np.bincount(first, minlength=kinds)
    two = np.bincount(second, minlength=kinds)
    pooled = one + two
    keep = pooled > 0
    one, pooled = one[keep], pooled[keep]
    size, other = len(first), len(second)
    # Drawing the first side's rows at random from the pool is one hypergeometric draw.
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(pooled, size, size=permutations)
    expected = pooled * (size / (size + other))

    def statistic(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray((np.square(counts - expected) / pooled).sum(axis=-1))

    beyond = int(np.sum(statistic(drawn) >= statistic(one) - 1e-12))
    shares = one / size - (pooled - one) / other
    return TwoSample(
        (beyond + 1) / (permutations + 1), float(np.abs(shares).sum() / 2), (size, other)
    )


def _part(rows: NDArray[np.float32], most: int, rng: np.random.Generator) -> NDArray[np.float32]:
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), most, replace=False))]


def _squares(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared distances, shape (len(left), len(right))."""
    one, two = left.astype(np.float64), right.astype(np.float64)
    found = np.square(one).sum(axis=1)[:, None] + np.square(two).sum(axis=1) - 2 * one @ two.T
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _median(squares: NDArray[np.float64]) -> float:
    off = squares[np.triu_indices(len(squares), k=1)]
    median = float(np.median(off))
    return median if median > 0 else float(off.mean()) or 1.0


def _gaussian_kernel(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    squares = _squares(rows, rows)
    kernel = np.exp(-squares / _median(squares))
    np.fill_diagonal(kernel, 0.0)
    return np.asarray(kernel)


def _discrepancy(
    kernel: NDArray[np.float64], in_first: NDArray[np.bool_], sizes: tuple[int, int]
) -> NDArray[np.float64]:
    """Unbiased squared discrepancy of each division, shape (divisions,).

    `in_first` has shape (divisions, rows); the kernel's diagonal is 0.
    """
    first = in_first.astype(np.float64)
    towards_first = first @ kernel
    within_first = (towards_first * first).sum(axis=1)
    across = (towards_first * (1.0 - first)).sum(axis=1)
    within_second = kernel.sum() - within_first - 2 * across
    n, m = sizes
    return np.asarray(
        within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * across / (n * m)
    )
