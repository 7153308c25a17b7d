"""Moves from the lengths of the rows."""

import numpy as np
import pytest

from tunewell.core.finding import Safety
from tunewell.plan.moves.lengths import packing, padding_share, shorter_rows
from tunewell.plan.step import Step

STEP = Step(config={}, batch=4, length=4096, padded=True)


def test_rows_are_cut_where_few_tokens_are_lost() -> None:
    lengths = [500] * 99 + [4000]
    made = shorter_rows(lengths, lost=0.05)
    assert made is not None
    after = made.apply(STEP)
    assert after is not None
    lost = sum(max(0, n - after.length) for n in lengths) / sum(lengths)
    assert lost <= 0.05
    shorter = sum(max(0, n - (after.length - 64)) for n in lengths) / sum(lengths)
    assert shorter > 0.05
    assert made.safety is Safety.UNSAFE
    assert f"{100 * lost:.1f} % of the tokens" in made.quality.words
    assert "1.0 % of the rows" in made.quality.words


def test_what_no_row_reaches_is_cut_for_nothing() -> None:
    made = shorter_rows([100, 900], lost=0.0)
    assert made is not None
    after = made.apply(STEP)
    assert after is not None
    assert after.length == 960
    assert made.safety is Safety.SAFE


def test_rows_that_are_short_already_stay() -> None:
    made = shorter_rows([4096] * 3, lost=0.0)
    assert made is not None
    assert made.apply(STEP) is None
    assert shorter_rows([]) is None


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_the_share_of_padding_is_that_of_drawn_batches(batch: int) -> None:
    lengths = np.array([10, 50, 200, 800])
    drawn = np.random.default_rng(0).choice(lengths, size=(40_000, batch))
    seen = 1 - drawn.sum() / (drawn.max(axis=1).sum() * batch)
    assert padding_share(lengths, batch=batch) == pytest.approx(seen, abs=0.01)


def test_packing_is_offered_where_there_is_padding() -> None:
    made = packing([10, 50, 200, 800], batch=8)
    assert made is not None
    assert made.safety is Safety.UNSAFE
    after = made.apply(STEP)
    assert after is not None
    assert not after.padded
    assert packing([300, 300], batch=8) is None
    assert packing([], batch=8) is None
