"""Readings of curves, by properties and against what is known of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, theilslopes, ttest_ind

from tunewell.facts.curves import (
    binned,
    change_point,
    difference,
    excursions,
    higher,
    kinship,
    noise,
    smooth,
    trend,
)
from tunewell.subjects.trace import Column

Values = NDArray[np.float64]
FINITE = st.floats(-1e3, 1e3, allow_nan=False)


def curves(least: int = 0, most: int = 80) -> st.SearchStrategy[Values]:
    """Curves of any shape."""
    return st.integers(least, most).flatmap(
        lambda count: arrays(np.float64, count, elements=FINITE)
    )


def over_steps(values: Values) -> Column:
    """A column at steps 1, 2, 3 ..."""
    return Column(np.arange(1, len(values) + 1), values)


@given(curves(), st.integers(1, 12))
def test_a_running_median_is_that_of_each_window(values: Values, window: int) -> None:
    half = window // 2
    expected = [np.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]
    np.testing.assert_allclose(smooth(values, window), expected)


@given(curves(8), FINITE, st.floats(0.1, 10))
def test_noise_knows_no_level_and_no_straight_trend(
    values: Values, level: float, up: float
) -> None:
    seen = noise(values)
    moved = values + level + up * np.arange(len(values))
    np.testing.assert_allclose(noise(moved), seen, atol=1e-8 * (1 + np.abs(moved).max()))
    np.testing.assert_allclose(
        noise(up * values), up * seen, atol=1e-9 * (1 + np.abs(values).max())
    )


@given(curves(6, 40))
def test_the_trend_is_that_of_theil_and_sen(values: Values) -> None:
    seen = trend(over_steps(values))
    assert seen is not None
    assert seen.low <= seen.value <= seen.high
    expected = theilslopes(values, np.arange(len(values)))[0] * (len(values) - 1)
    np.testing.assert_allclose(seen.value, expected, atol=1e-9 * (1 + np.abs(values).max()))


@given(curves(6), FINITE, st.floats(0.1, 10))
def test_a_trend_moves_with_its_curve(values: Values, level: float, size: float) -> None:
    """Scale, level, and the other way round."""
    seen, turned = trend(over_steps(values)), trend(over_steps(-values))
    scaled = trend(over_steps(size * values + level))
    assert seen is not None
    assert turned is not None
    assert scaled is not None
    close = {"atol": 1e-6 * (1 + np.abs(values).max() + abs(level)) * size + 1e-6}
    np.testing.assert_allclose(scaled.value, size * seen.value, **close)
    np.testing.assert_allclose(turned.value, -seen.value, **close)


def test_the_interval_of_a_trend_holds_the_truth() -> None:
    """In at least 90 of 100 runs of each kind, also where neighbours are alike."""
    rng = np.random.default_rng(0)
    for alike, count in ((0.0, 12), (0.0, 60), (0.0, 400), (0.5, 60), (0.5, 400), (0.8, 400)):
        held = 0
        for _ in range(200):
            scatter = rng.normal(size=count)
            for at in range(1, count):
                scatter[at] += alike * scatter[at - 1]
            seen = trend(over_steps(0.01 * np.arange(count) + scatter))
            assert seen is not None
            held += seen.low <= 0.01 * (count - 1) <= seen.high
        assert held >= 180, (alike, count, held)


def test_outliers_do_not_move_a_trend() -> None:
    values = np.linspace(2, 1, 100) + 0.01 * np.random.default_rng(0).normal(size=100)
    values[[10, 40, 41, 70, 95]] = 50.0
    seen = trend(over_steps(values), blocks=100)
    assert seen is not None
    assert abs(seen.value + 1) < 0.05


@given(curves(3, 9), curves(3, 9))
def test_a_difference_of_few_is_that_of_welch(before: Values, after: Values) -> None:
    """Below ten values nothing is known of neighbours, and nothing is widened."""
    seen = difference(before, after)
    assert seen is not None
    if min(before.var(), after.var()) < 1e-6:
        return
    expected = ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    # Welch's degrees of freedom below 1 are taken as 1.
    np.testing.assert_allclose((seen.low, seen.high), (expected.low, expected.high), rtol=1e-3)


@given(curves(1, 30), curves(1, 30))
def test_ranks_are_those_of_mann_and_whitney(before: Values, after: Values) -> None:
    seen = higher(before, after)
    assert 0 <= seen <= 1
    if len({*before.tolist(), *after.tolist()}) == len(before) + len(after):
        expected = mannwhitneyu(after, before, alternative="greater", method="asymptotic")
        np.testing.assert_allclose(seen, expected.pvalue, atol=1e-9)


@given(curves(0, 60))
def test_kinship_is_a_share_and_knows_no_level(values: Values) -> None:
    assert 0 <= kinship(values) <= 0.9


@given(curves(1), st.integers(1, 20))
def test_blocks_keep_the_mean(values: Values, most: int) -> None:
    blocks = binned(over_steps(values), most)
    assert len(blocks) <= max(most, 1)
    if len(values) % len(blocks) == 0:
        np.testing.assert_allclose(blocks.values.mean(), values.mean(), atol=1e-9)


@given(st.integers(10, 90), st.integers(0, 5))
def test_a_shift_is_found_where_it_is(at: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=100)
    values[at:] += 8
    seen = change_point(values)
    assert seen is not None
    assert abs(seen - at) <= 1


@settings(max_examples=50)
@given(st.integers(40, 80), st.integers(6, 30), st.booleans(), st.integers(0, 5))
def test_an_excursion_is_found_with_its_end(first: int, length: int, back: bool, seed: int) -> None:
    values = 1 + 0.02 * np.random.default_rng(seed).normal(size=150)
    values[first : first + length if back else None] += 3
    (found,) = excursions(values)
    assert found.first == first
    assert found.back == back
    assert abs(found.last - (first + length - 1 if back else 149)) <= 2
    assert found.first <= found.peak <= found.last


def test_a_heavy_tail_is_no_excursion() -> None:
    """300 runs of 1,000 lognormal values: the ranks promise less than one in all of them."""
    rng = np.random.default_rng(0)
    count = sum(bool(excursions(np.exp(1.5 * rng.normal(size=1000)))) for _ in range(300))
    assert count <= 3
