"""Two models, or two ways of training, judged on the same rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, gammaln, ndtr, ndtri, stdtr, stdtrit

EXACT_ROWS = 16
"""Up to so many differing rows every pattern of signs is tried (65,536 of them)."""

SAMPLED_ROWS = 5000
"""Beyond so many differing rows the sum of random signs is normal to four digits."""

SMALLEST = 1e-12
"""Sums by Fourier transform are exact to about this; smaller p-values are reported as this."""


def mcnemar(fixed: int, broke: int) -> float:
    """Exact two-sided p-value of McNemar's test from the two counts of discordant rows.

    Source: McNemar 1947; the exact binomial form. 1 where no row is discordant.
    """
    total = fixed + broke
    if total == 0:
        return 1.0
    return float(min(1.0, 2.0 * bdtr(min(fixed, broke), total, 0.5)))


def sign_flip(differences: ArrayLike, *, resamples: int = 20_000, seed: int = 0) -> float:
    """Two-sided p-value of a mean difference over rows, by flipping the sign of whole rows.

    The row is the unit: give each row's mean over seeds, and several seeds do not count as more
    rows. Exact where the differences are multiples of one step (right or wrong over a few seeds:
    with one seed this is McNemar's test) or few; otherwise from `resamples` random flips.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    step = np.abs(values).min()
    scaled = np.rint(values / step)
    if np.abs(scaled).max() <= EXACT_ROWS and np.allclose(scaled * step, values, atol=1e-9):
        return _exact_on_grid(scaled.astype(np.int64))
    seen = abs(values.sum()) * (1 - 1e-12)
    if len(values) <= EXACT_ROWS:
        patterns = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs((2.0 * patterns - 1.0) @ values) >= seen))
    if len(values) > SAMPLED_ROWS:
        spread = math.sqrt(float(np.square(values).sum()))
        return max(float(2.0 * ndtr(-seen / spread)), SMALLEST)
    rng = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, resamples, 1000):
        size = min(1000, resamples - start)
        signs = rng.integers(0, 2, size=(size, len(values)), dtype=np.int8) * 2 - 1
        beyond += int(np.sum(np.abs(signs @ values) >= seen))
    return (beyond + 1) / (resamples + 1)


def _exact_on_grid(values: NDArray[np.int64]) -> float:
    """The same for whole numbers: the null is a sum of one scaled binomial a magnitude."""
    magnitudes, counts = np.unique(np.abs(values), return_counts=True)
    null = np.ones(1)
    for magnitude, count in zip(magnitudes.tolist(), counts.tolist(), strict=True):
        # count fair signs of size `magnitude` sum to magnitude * (2 heads - count).
        heads = np.arange(count + 1)
        log_share = gammaln(count + 1) - gammaln(heads + 1) - gammaln(count - heads + 1)
        spread = np.zeros(2 * magnitude * count + 1)
        spread[:: 2 * magnitude] = np.exp(log_share - count * math.log(2.0))
        null = _convolve(null, spread)
    reach = (len(null) - 1) // 2
    seen = abs(int(values.sum()))
    sums = np.abs(np.arange(-reach, reach + 1))
    return float(min(1.0, max(null[sums >= seen].sum(), 0.0) or SMALLEST))


def _convolve(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    if min(len(first), len(second)) <= 2000:  # noqa: PLR2004  below it the direct sum is faster
        return np.convolve(first, second)
    size = len(first) + len(second) - 1
    product = np.fft.rfft(first, size) * np.fft.rfft(second, size)
    return np.maximum(np.fft.irfft(product, size), 0.0)


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference with the standard error and the degrees of freedom it is known to.

    `rows_only` is the p-value with the rows as the only source of chance, `p_value` the one with
    every source that was allowed for.
    """

    value: float
    standard_error: float
    freedom: float
    p_value: float
    rows_only: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval of the difference at this level."""
        half = self.standard_error * _quantile(0.5 + level / 2, self.freedom)
        return self.value - half, self.value + half

    def equivalent(self, margin: float, *, alpha: float = 0.05) -> bool:
        """Two one-sided tests: the difference lies within plus or minus `margin`.

        Source: Schuirmann 1987.
        """
        low, high = self.interval(1 - 2 * alpha)
        return -margin < low and high < margin


def paired_effect(
    control: NDArray[np.float64],
    change: NDArray[np.float64],
    *,
    seed_spread: float | None,
    seed_freedom: float = 6.0,
) -> Effect:
    """The mean difference between two arms scored on the same rows with the same seeds.

    Without `seed_spread` the two models at hand are compared: rows are the only chance. With it
    the two ways of training are, and another seed is another chance. Two or three seeds measure
    their own spread badly, so it is pooled with the spread expected beforehand (a moderated t,
    Smyth 2004). The p-value is then the larger of the exact sign-flip test over rows and of the
    t-test over seeds, which also carries how unequally the change acts on rows: a claim about
    training must survive other rows and other seeds.

    Args:
        control: score of each row under each seed, shape (rows, seeds).
        change: the same for the other arm.
        seed_spread: standard deviation of an arm's score from seed to seed that is expected
            beforehand; None compares the models and takes one seed only.
        seed_freedom: how many degrees of freedom that expectation weighs.
    """
    rows, seeds = control.shape
    difference = change - control
    by_row = difference.mean(axis=1)
    value = float(by_row.mean())
    rows_only = sign_flip(by_row)
    # One discordant row more than seen keeps the error of a sample without any from being 0.
    row_variance = (float(np.square(by_row - value).sum()) + 1 / seeds) / max(rows - 1, 1)
    if seed_spread is None:
        if seeds > 1:
            message = "several seeds need a seed_spread"
            raise ValueError(message)
        return Effect(value, math.sqrt(row_variance / rows), math.inf, rows_only, rows_only)
    if seeds == 1:
        between, uneven, freedom = 2 * seed_spread**2, row_variance / rows, seed_freedom
    else:
        residual = difference - by_row[:, None] - difference.mean(axis=0)[None, :] + value
        noise = float(np.square(residual).sum()) / max((rows - 1) * (seeds - 1), 1)
        seen = (control.mean(axis=0).var(ddof=1) + change.mean(axis=0).var(ddof=1)) / 2
        measured = 2 * (seeds - 1)
        freedom = seed_freedom + measured
        pooled = (seed_freedom * seed_spread**2 + measured * float(seen)) / freedom
        # Seeds that happen to agree prove nothing: their spread is at least what the noise of
        # the rows makes it.
        between = max(2 * pooled / seeds, noise / (rows * seeds))
        uneven = max(row_variance - noise / seeds, 0.0) / rows
    variance = between + uneven
    freedom *= (variance / between) ** 2  # Satterthwaite: rows are many and well known
    over_seeds = 2 * float(stdtr(freedom, -abs(value) / math.sqrt(variance)))
    return Effect(value, math.sqrt(variance), freedom, max(rows_only, over_seeds), rows_only)


def _quantile(share: float, freedom: float) -> float:
    return float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share))


def rows_needed(
    effect: float, row_deviation: float, *, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Rows with which a two-sided test at `alpha` finds such an effect with this power.

    `row_deviation` is the standard deviation of the rows' differences. None for no effect.
    """
    if effect == 0:
        return None
    reach = (float(ndtri(1 - alpha / 2)) + float(ndtri(power))) * row_deviation / abs(effect)
    return math.ceil(reach * reach)
