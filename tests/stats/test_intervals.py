"""Intervals: known values, order and coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from tunewell.stats.intervals import bootstrap, wilson


@given(st.integers(1, 5000), st.data())
def test_wilson_is_scipys_and_holds_the_share(total: int, data: st.DataObject) -> None:
    """Equal to scipy's, and the share lies inside."""
    hits = data.draw(st.integers(0, total))
    low, high = wilson(hits, total)
    known = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    assert float(low) == pytest.approx(known.low, abs=1e-9)
    assert float(high) == pytest.approx(known.high, abs=1e-9)
    assert low <= hits / total <= high


def test_wilson_of_nothing_says_nothing() -> None:
    """No rows: anything from 0 to 1."""
    low, high = wilson([0, 5], [0, 10])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert 0.2 < low[1] < 0.3


def _share(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = counts[:, 1] / counts.sum(axis=1)
    return share


def test_bootstrap_covers_the_truth() -> None:
    """About 95 of 100 intervals of a share of 0.8 over 300 rows hold it."""
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(300):
        right = rng.binomial(300, 0.8)
        low, high = bootstrap([300 - right, right], _share, resamples=500, seed=trial)
        held += low <= 0.8 <= high
    assert 0.91 <= held / 300 <= 0.985


def test_bootstrap_is_seeded_and_knows_no_rows() -> None:
    """The same seed gives the same interval; no rows give no number."""
    once, again = (bootstrap([3, 9], _share, seed=4) for _ in range(2))
    assert once == again
    assert all(np.isnan(bootstrap([0, 0], _share)))
