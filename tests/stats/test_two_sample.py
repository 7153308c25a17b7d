"""Two-sample tests: calibrated at small and middling sizes, and able to see a real shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tunewell.stats.two_sample import mmd_test, shares_test, witness

PROJECTION = np.random.default_rng(7).normal(size=(32, 384)) / np.sqrt(32)


def vectors(rng: np.random.Generator, rows: int, shift: float = 0.0) -> NDArray[np.float32]:
    """Unit vectors of 384 dimensions from a latent of 32, one of which is moved by `shift` s.d."""
    latent = rng.normal(size=(rows, 32))
    latent[:, 0] += shift
    found = latent @ PROJECTION
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(("rows", "repetitions"), [(50, 200), (200, 60)])
def test_false_alarms_stay_at_their_level(rows: int, repetitions: int) -> None:
    """At alpha 0.05 at most what chance allows (99.9 % of a binomial)."""
    rng = np.random.default_rng(rows)
    alarms = sum(
        mmd_test(vectors(rng, rows), vectors(rng, rows), permutations=199, seed=n).p_value <= 0.05
        for n in range(repetitions)
    )
    bound = 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / repetitions)
    assert alarms / repetitions <= bound


def test_a_real_shift_is_seen_with_fifty_rows() -> None:
    """One standard deviation in one of 32 latent directions: power at least 0.70."""
    rng = np.random.default_rng(3)
    found = sum(
        mmd_test(vectors(rng, 50), vectors(rng, 50, 1.0), permutations=199, seed=n).p_value <= 0.05
        for n in range(100)
    )
    assert found >= 60  # 70 expected at least; 60 is what chance leaves of it
    assert mmd_test(vectors(rng, 200), vectors(rng, 200, 1.0)).p_value <= 0.01


def test_large_samples_are_drawn_from_and_repeat() -> None:
    """The same seed gives the same answer."""
    rng = np.random.default_rng(0)
    one, two = vectors(rng, 3000), vectors(rng, 2500)
    first = mmd_test(one, two, most_rows=300, permutations=99, seed=4)
    assert first == mmd_test(one, two, most_rows=300, permutations=99, seed=4)
    assert first.rows == (300, 300)


def test_the_witness_points_at_what_moved() -> None:
    """Twenty foreign rows among two hundred are the first twenty, nearly all."""
    rng = np.random.default_rng(1)
    old = vectors(rng, 200)
    new = np.concatenate([vectors(rng, 180), vectors(rng, 20, 12.0)])
    top = np.argsort(-witness(old, new))[:20]
    assert np.mean(top >= 180) >= 0.9


def test_equal_rows_do_not_break_it() -> None:
    """A constant sample has a median distance of 0."""
    same = np.ones((10, 3), dtype=np.float32)
    assert mmd_test(same, same, permutations=99).p_value == 1.0
    assert np.isfinite(witness(same, same)).all()


def test_share_test_is_calibrated_on_rare_classes() -> None:
    """77 classes and 100 rows a side: where the asymptotic test does not hold."""
    rng = np.random.default_rng(5)
    alarms = sum(
        shares_test(
            rng.integers(0, 77, 100), rng.integers(0, 77, 100), permutations=199, seed=n
        ).p_value
        <= 0.05
        for n in range(300)
    )
    assert alarms / 300 <= 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / 300)


def test_share_test_sees_a_moved_share() -> None:
    """A class that goes from 50 to 70 % of 200 rows."""
    old, new = np.repeat([0, 1], [100, 100]), np.repeat([0, 1], [140, 60])
    found = shares_test(old, new)
    assert found.p_value < 0.01
    assert found.effect == pytest.approx(0.2)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 100))
def test_the_same_shares_never_alarm(labels: list[int], seed: int) -> None:
    """Identical samples have the smallest statistic there is."""
    rows = np.array(labels, dtype=np.int64)
    found = shares_test(rows, rows, permutations=99, seed=seed)
    assert found.p_value == 1.0
    assert found.effect == 0.0


def test_too_few_rows_are_refused() -> None:
    """One row a side says nothing."""
    with pytest.raises(ValueError, match="two rows"):
        mmd_test(np.ones((1, 2), dtype=np.float32), np.ones((5, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="both sides"):
        shares_test(np.array([], dtype=np.int64), np.array([1]))
