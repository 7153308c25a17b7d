"""Levels and changes of points that hang together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.stats.levels import change, independent, level


def correlated(r: float, count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Noise around 0 in which each point keeps `r` of the last."""
    draws = np.random.default_rng(seed).normal(size=count)
    values = np.empty(count)
    values[0] = draws[0]
    for at in range(1, count):
        values[at] = r * values[at - 1] + np.sqrt(1 - r * r) * draws[at]
    return values


def test_independent_points_count_whole_and_correlated_ones_less() -> None:
    worth = [independent(correlated(0.0, 200, seed)) for seed in range(20)]
    held = [independent(correlated(0.8, 200, seed)) for seed in range(20)]
    assert np.mean(worth) > 160
    assert 15 < np.mean(held) < 50  # 200 x 0.2 / 1.8 = 22


def test_the_interval_of_a_mean_holds_it_19_times_in_20() -> None:
    held = 0
    for seed in range(300):
        found = level(correlated(0.5, 90, seed))
        held += found.low <= 0 <= found.high
    assert held >= 270


@pytest.mark.parametrize("r", [0.0, 0.5])
def test_a_change_is_seldom_seen_where_there_is_none(r: float) -> None:
    seen = 0
    for seed in range(300):
        found = change(correlated(r, 60, seed))
        seen += found.rose or found.fell
    assert seen <= 36  # 12 %; the nominal 5 % plus what 20 points do not tell of the correlation


def test_a_change_that_is_there_is_seen() -> None:
    noise = correlated(0.3, 60, 1)
    assert change(noise + np.linspace(0, 6, 60)).rose
    assert change(noise - np.linspace(0, 6, 60)).fell


def test_a_few_early_points_far_from_all_late_ones_are_enough() -> None:
    steep = np.array([0.9, 0.6, 0.3, *[0.0] * 57])
    found = change(steep, first_share=0.05)
    assert found.fell
    assert found.apart
    assert not change(np.array([0.9, 0.6, 0.3, 0.0, 0.0, 0.0]), first_share=0.05).apart


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_every_list_has_a_level_within_its_interval(values: list[float]) -> None:
    given_values = np.array(values)
    found = level(given_values)
    assert found.low <= found.mean <= found.high
    moved = change(given_values)
    assert moved.low <= moved.by <= moved.high
    assert not (moved.rose and moved.fell)


def test_constants_and_nothing() -> None:
    still = level(np.ones(10))
    assert (still.low, still.high) == (1.0, 1.0)
    assert np.isnan(level(np.empty(0)).mean)
    assert not change(np.ones(30)).rose
