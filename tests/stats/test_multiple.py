"""Holm and Benjamini-Hochberg: known values and what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from tunewell.stats.multiple import benjamini_hochberg, holm

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_known_values() -> None:
    """A worked example by hand."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert len(holm([])) == 0
    assert len(benjamini_hochberg([])) == 0


@given(SHARES)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    """Equal to scipy's false discovery control."""
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@given(SHARES)
def test_order_is_kept_and_nothing_shrinks(p: list[float]) -> None:
    """Adjusted values are larger, at most 1, and in the same order; Holm is the stricter."""
    stricter, looser = holm(p), benjamini_hochberg(p)
    assert np.all(stricter >= np.array(p))
    assert np.all(looser <= stricter + 1e-12)
    assert np.all(stricter <= 1)
    assert np.all(np.diff(stricter[np.argsort(p, kind="stable")]) >= 0)


def test_holm_keeps_the_family_wise_error() -> None:
    """Under 20 true nulls at most about 5 of 100 families have a false one."""
    p = np.random.default_rng(0).random((2000, 20))
    false = np.mean([holm(family).min() <= 0.05 for family in p])
    assert false <= 0.065
