"""Tests of the length that batches are padded to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tunewell.plan.moves.lengths import padding_share
from tunewell.plan.paddings import mean_padded_length

LENGTHS = np.array([3, 10, 4, 200, 17], dtype=np.int64)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_mean_is_exact(batch: int) -> None:
    """The same as over every possible batch, drawn with replacement."""
    every = [max(drawn) for drawn in itertools.product(LENGTHS, repeat=batch)]
    assert mean_padded_length(LENGTHS, batch) == pytest.approx(np.mean(every))


def test_larger_batches_are_longer_and_never_longer_than_the_longest() -> None:
    means = [mean_padded_length(LENGTHS, batch) for batch in (1, 2, 4, 8, 64)]
    assert means == sorted(means)
    assert LENGTHS.mean() == means[0]
    assert means[-1] <= 200


def test_cuts_multiples_and_groups() -> None:
    """A cut bounds it, a multiple rounds it up, groups take the padding away."""
    assert mean_padded_length(LENGTHS, 64, cut=16) == pytest.approx(16, rel=0.01)
    assert mean_padded_length(np.array([3, 9]), 1, multiple=8) == 12
    assert mean_padded_length(LENGTHS, 64, grouped=True) == LENGTHS.mean()


def test_the_share_of_padding() -> None:
    assert padding_share(np.array([7, 7, 7]), batch=8) == pytest.approx(0.0)
    assert padding_share(np.array([10, 30]), batch=2) == pytest.approx(1 - 20 / 25)
    assert padding_share(np.array([0, 0]), batch=2) == 0.0
