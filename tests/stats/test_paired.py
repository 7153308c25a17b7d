"""Paired tests: known values against scipy and enumeration, and false alarms under the null."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from tunewell.stats.paired import Effect, mcnemar, paired_effect, rows_needed, sign_flip


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_scipys_binomial_test(fixed: int, broke: int) -> None:
    """Equal to scipy's exact test, and 1 where no row is discordant."""
    expected = binomtest(fixed, fixed + broke).pvalue if fixed + broke else 1.0
    assert mcnemar(fixed, broke) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 60), st.integers(0, 60))
def test_sign_flip_of_one_seed_is_mcnemar(fixed: int, broke: int) -> None:
    """Rows of +1 and -1 make the sign-flip test McNemar's."""
    rows = [1] * fixed + [-1] * broke + [0] * 7
    assert sign_flip(rows) == pytest.approx(mcnemar(fixed, broke), rel=1e-6, abs=1e-11)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=10))
def test_sign_flip_is_the_enumeration(values: list[int]) -> None:
    """Equal to trying every pattern of signs, for means over three seeds."""
    rows = np.array(values) / 3
    sums = [
        abs(sum(sign * row for sign, row in zip(signs, rows, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(rows))
    ]
    expected = np.mean(np.array(sums) >= abs(rows.sum()) - 1e-9)
    assert sign_flip(rows) == pytest.approx(expected)


def test_sign_flip_paths_agree() -> None:
    """Random flips and the normal end give what the exact sum gives."""
    rng = np.random.default_rng(0)
    grid = rng.choice([-2, -1, 1, 2], size=300, p=[0.2, 0.25, 0.3, 0.25]) / 2
    nearly_grid = grid + rng.normal(0, 1e-4, size=300)
    assert sign_flip(nearly_grid) == pytest.approx(sign_flip(grid), abs=0.01)
    many = rng.choice([-1.0, 1.0], size=6000, p=[0.49, 0.51])
    assert sign_flip(many + rng.normal(0, 1e-6, 6000)) == pytest.approx(sign_flip(many), abs=0.01)
    few = np.array([0.31, 0.22, -0.07, 0.4])
    assert sign_flip(few) == pytest.approx(4 / 16)


def test_sign_flip_of_many_rows_is_quick_and_right() -> None:
    """100,000 rows, a third of them discordant over three seeds, in well under a second."""
    rng = np.random.default_rng(1)
    rows = rng.choice([-1, 0, 1], size=(100_000, 3), p=[0.1, 0.8, 0.1]).mean(axis=1)
    began = time.perf_counter()
    p_value = sign_flip(rows)
    assert time.perf_counter() - began < 2
    normal = abs(rows.sum()) / np.sqrt(np.square(rows).sum())
    assert p_value == pytest.approx(2 * norm.sf(normal), abs=0.01)


def test_sign_flip_counts_a_row_once_however_many_seeds() -> None:
    """The same row wrong under five seeds is one row: a pooled McNemar would be certain."""
    rows = np.zeros((200, 5))
    rows[:4] = 1
    assert mcnemar(fixed=20, broke=0) < 1e-5
    assert sign_flip(rows.mean(axis=1)) == pytest.approx(0.125)


def test_sign_flip_keeps_alpha() -> None:
    """False alarms under the null stay at or below 5 in 100."""
    rng = np.random.default_rng(2)
    draws = rng.choice([-1, 0, 1], size=(2000, 150), p=[0.08, 0.84, 0.08])
    assert np.mean([sign_flip(rows) <= 0.05 for rows in draws]) <= 0.06


def test_interval_and_equivalence_follow_the_error() -> None:
    """A difference of 0.1 points known to 0.3 is equivalent within 1 point, not within 0.5."""
    effect = Effect(0.001, 0.003, np.inf, 0.7, 0.7)
    assert effect.interval() == pytest.approx((0.001 - 0.00588, 0.001 + 0.00588), abs=1e-5)
    assert effect.equivalent(0.01)
    assert not effect.equivalent(0.005)


def test_equivalence_keeps_alpha() -> None:
    """At a true difference of exactly the margin at most about 5 in 100 are called equivalent."""
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(1000):
        flips = rng.choice([-1.0, 0.0, 1.0], size=4000, p=[0.02, 0.95, 0.03])
        effect = paired_effect(np.zeros((4000, 1)), flips[:, None], seed_spread=None)
        called += effect.equivalent(0.01)
    assert called / 1000 <= 0.07


def test_rows_needed_gives_the_power_it_says() -> None:
    """With so many rows about 80 in 100 tests find the effect."""
    deviation = np.sqrt(0.13 - 0.03**2)
    rows = rows_needed(0.03, deviation)
    assert rows is not None
    rng = np.random.default_rng(4)
    found = [
        mcnemar(int((flips > 0).sum()), int((flips < 0).sum())) <= 0.05
        for flips in rng.choice([-1, 0, 1], size=(600, rows), p=[0.05, 0.87, 0.08])
    ]
    assert 0.72 <= np.mean(found) <= 0.88
    assert rows_needed(0.0, deviation) is None


def test_several_seeds_need_an_expected_spread() -> None:
    """Comparing models is for one evaluation a side."""
    with pytest.raises(ValueError, match="seed_spread"):
        paired_effect(np.zeros((9, 2)), np.ones((9, 2)), seed_spread=None)
