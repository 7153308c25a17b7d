"""Runs of equal values, and ranks that follow each other."""

import itertools

import numpy as np
import pytest

from tunewell.facts.sampling.row_order import rank_autocorrelation, runs_of


def test_expected_runs_are_exact() -> None:
    """Mean over every order of seven rows of three values."""
    values = "aaabbcc"
    every = [runs_of(order).runs for order in set(itertools.permutations(values))]
    assert runs_of(values).expected == pytest.approx(len(values) / np.mean(every))


def test_p_values_hold_their_level() -> None:
    """Random orders of 300 rows of unequal classes."""
    rng = np.random.default_rng(0)
    labels = ["a"] * 200 + ["b"] * 70 + ["c"] * 30
    p_values = np.array([runs_of(rng.permutation(labels).tolist()).p_value for _ in range(2000)])
    for level in (0.01, 0.05, 0.3):
        error = np.sqrt(level * (1 - level) / len(p_values))
        # Half a run of correction may cost a little, never gain.
        assert np.mean(p_values < level) < level + 3 * error


def test_sorted_rows_have_long_runs() -> None:
    """Three blocks of a hundred rows."""
    found = runs_of(["a"] * 100 + ["b"] * 100 + ["c"] * 100)
    assert (found.runs, found.mean) == (3, 100)
    assert found.ratio > 60
    assert found.p_value < 1e-20


@pytest.mark.parametrize("values", [["a"], ["a"] * 9])
def test_nothing_to_be_sorted(values: list[str]) -> None:
    """A single value has one order."""
    assert runs_of(values).p_value == 1
    assert runs_of(values).ratio == 1


def test_rank_autocorrelation() -> None:
    """Near 1 when sorted, near 0 at random, near -1 when large and small take turns."""
    rng = np.random.default_rng(0)
    sorted_up = np.arange(1000)
    assert rank_autocorrelation(sorted_up) > 0.99
    assert rank_autocorrelation(sorted_up[::-1]) > 0.99
    assert abs(rank_autocorrelation(rng.permutation(sorted_up))) < 0.1
    assert rank_autocorrelation(np.tile([1, 1000], 500)) < -0.9
    assert rank_autocorrelation(np.full(10, 3)) == 0
