"""Spread and difference of runs, against scipy and by how often they are wrong."""

import numpy as np
import pytest
from scipy import stats

from tunewell.stats.scatter import difference, permutation, spread

FIVE = (0.81, 0.842, 0.857, 0.823, 0.838)
OTHER = (0.871, 0.853, 0.868, 0.879, 0.862)


def test_spread_is_that_of_the_textbook() -> None:
    """Mean with its t interval, deviation with its interval by chi squared."""
    told = spread(FIVE)
    deviation = float(np.std(FIVE, ddof=1))
    mean = stats.t.interval(0.95, 4, np.mean(FIVE), deviation / np.sqrt(5))
    assert (told.low, told.high) == pytest.approx(mean)
    ends = deviation * np.sqrt(4 / stats.chi2.ppf([0.975, 0.025], 4))
    assert (told.deviation_low, told.deviation_high) == pytest.approx(tuple(ends))


def test_a_gain_of_chance_exceeds_the_least_gain_once_in_twenty_times() -> None:
    """Four seeds tell the least gain; then two more single runs of the same settings."""
    random = np.random.default_rng(0)
    draws = random.normal(0, 0.02, (4_000, 6))
    beyond = [abs(row[4] - row[5]) > spread(row[:4]).least_gain for row in draws]
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.012)


def test_one_score_has_no_spread() -> None:
    """A sentence, not a division by zero."""
    with pytest.raises(ValueError, match="two scores"):
        spread([0.8])


def test_difference_is_welchs_with_the_exact_p_value() -> None:
    """Interval and p-value of scipy."""
    found = difference(FIVE, OTHER)
    assert found is not None
    welch = stats.ttest_ind(OTHER, FIVE, equal_var=False)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval(0.95)))
    exact = stats.permutation_test(
        (OTHER, FIVE), lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis), vectorized=True,
        n_resamples=np.inf,
    )  # fmt: skip
    assert found.exact
    assert found.p_value == pytest.approx(exact.pvalue)


def test_three_and_three_are_too_few_for_the_exact_test() -> None:
    """Its p-value could not fall below 0.1: the t test has to do, and is said to."""
    assert permutation(FIVE[:3], OTHER[:3]) is None
    found = difference(FIVE[:3], OTHER[:3])
    assert found is not None
    assert not found.exact
    welch = stats.ttest_ind(OTHER[:3], FIVE[:3], equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue)


def test_one_run_against_several_takes_their_scatter() -> None:
    """The interval is that of one further value (a prediction interval), not that of a mean."""
    found = difference(FIVE, [0.9])
    assert found is not None
    deviation = float(np.std(FIVE, ddof=1))
    half = stats.t.ppf(0.975, 4) * deviation * np.sqrt(1 + 1 / 5)
    assert found.high - found.value == pytest.approx(half)


def test_two_single_runs_tell_nothing() -> None:
    """No scatter is known, unless another group has one."""
    assert difference([0.8], [0.9]) is None
    assert difference([0.8], [0.9], [FIVE]) is not None


def test_equal_scores_differ_by_nothing() -> None:
    """Runs that repeat to the last digit have no scatter at all."""
    found = difference([0.5, 0.5, 0.5], [0.5, 0.5])
    assert found is not None
    assert (found.value, found.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("sizes", [(4, 4), (5, 3), (3, 3), (6, 1), (2, 2)])
def test_no_more_than_one_false_alarm_in_twenty(sizes: tuple[int, int]) -> None:
    """Of two groups of one law."""
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(1_500):
        found = difference(
            random.normal(0.8, 0.02, sizes[0]).tolist(), random.normal(0.8, 0.02, sizes[1]).tolist()
        )
        assert found is not None
        wrong += found.p_value <= 0.05
    assert wrong / 1_500 <= 0.07
