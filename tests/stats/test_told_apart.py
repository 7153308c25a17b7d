"""The classifier two-sample test."""

import numpy as np
import pytest

from tunewell.stats.told_apart import tell_apart


def test_holds_its_level() -> None:
    """Of 400 pairs of samples from one source no more than chance allows are told apart."""
    rng = np.random.default_rng(0)
    p_values = [tell_apart(*rng.normal(size=(2, 60, 10))).p_value for _ in range(400)]
    for level in (0.01, 0.05, 0.2):
        # Three standard errors above the level.
        bound = level + 3 * np.sqrt(level * (1 - level) / len(p_values))
        assert np.mean(np.array(p_values) < level) <= bound


def test_finds_a_shift() -> None:
    """Means one standard deviation apart in one direction: an area of Phi(1 / sqrt 2) = 0.76."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 1000, 5))
    second[:, 2] += 1
    found = tell_apart(first, second)
    assert found.p_value < 1e-6
    assert found.low < 0.76 < found.high
    assert found.second.shape == (1000,)


def test_needs_samples_of_one_size() -> None:
    """Four rows of each at least."""
    with pytest.raises(ValueError, match="as many rows"):
        tell_apart(np.zeros((5, 2)), np.zeros((6, 2)))
    with pytest.raises(ValueError, match="at least four"):
        tell_apart(np.zeros((3, 2)), np.zeros((3, 2)))
