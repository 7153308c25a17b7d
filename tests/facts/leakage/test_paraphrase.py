"""Rows that say what another row says, in other words."""

import random

import numpy as np
import pytest
from tests.checks.stories import stories

from tunewell.facts.leakage import paraphrase
from tunewell.facts.leakage.judged import bends_score, distinct, reworded
from tunewell.facts.leakage.paraphrase import partners
from tunewell.facts.leakage.wording import MOST_WORDS, copied_share, features
from tunewell.facts.near.folding import fold

KNOWN = [fold(text) for text in stories(500, seed=1)[0]]
JUDGED, COPIES = ([fold(text) for text in part] for part in stories(100, seed=2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("three eggs", "3 eggs"),
        ("80,000 steps", "80000 steps"),
        ("half of it", "1/2 of it"),
        ("twice", "2"),
        ("2.50", "2.5"),
        ("007", "7"),
        ("0", "zero"),
        ("selling", "sells"),
        ("walked", "walks"),
    ],
)
def test_one_spelling(one: str, other: str) -> None:
    assert features(one) == features(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1.5", "15"), ("2/3", "23"), ("3 then 4", "4 then 3"), ("cat", "car")]
)
def test_different_things(one: str, other: str) -> None:
    assert features(one) != features(other)


def test_numbers_that_are_not_ascii_and_endless_ones() -> None:
    assert features("٣ ½ ² " + "9" * 5000 + " 1e400 " + "1." + "0" * 400)


def test_only_the_beginning_of_a_long_text() -> None:
    long = " ".join(f"w{n}" for n in range(10 * MOST_WORDS))
    assert sum(features(long).values()) < 3 * MOST_WORDS


def test_copied_share() -> None:
    assert copied_share("a b c d e", "x a b c d e") == 1
    assert copied_share("a b c d", "d c b a") == 0
    assert copied_share("", "a b") == 0


def test_finds_the_partner() -> None:
    found = partners(JUDGED, KNOWN + COPIES)
    assert (found.partner == len(KNOWN) + np.arange(len(JUDGED))).mean() > 0.95
    assert (found.p <= 0.01).mean() > 0.8
    assert ((found.similarity >= 0) & (found.similarity <= 1.001)).all()


def test_p_values_hold_without_copies() -> None:
    assert (partners(JUDGED, KNOWN).p <= 0.05).mean() <= 0.1


def test_the_order_of_rows_changes_nothing() -> None:
    first = reworded(distinct(JUDGED), distinct(KNOWN + COPIES[:50]))
    mixed = random.Random(3).sample(KNOWN + COPIES[:50], len(KNOWN) + 50)  # noqa: S311
    second = reworded(distinct(JUDGED), distinct(mixed))
    same = {*first.row.tolist()} & {*second.row.tolist()}
    assert len(same) >= 0.9 * len(first.row)
    again = reworded(distinct(JUDGED), distinct(mixed))
    assert again.row.tolist() == second.row.tolist()
    assert again.partner.tolist() == second.partner.tolist()


def test_a_search_of_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    full = partners(JUDGED, KNOWN + COPIES)
    monkeypatch.setattr(paraphrase, "MOST_PRODUCTS", 20_000)
    short = partners(JUDGED, KNOWN + COPIES)
    assert (short.partner == full.partner).mean() > 0.8


@pytest.mark.parametrize("texts", [[], ["", "?"], ["word"]])
def test_next_to_nothing(texts: list[str]) -> None:
    assert not len(reworded(distinct(texts), distinct(KNOWN)).row)
    assert not len(reworded(distinct(KNOWN), distinct(texts)).row)


def test_texts_that_share_nothing() -> None:
    found = partners(["alpha beta gamma delta epsilon zeta eta"], KNOWN)
    assert found.partner.tolist() == [-1] or found.p[0] > 0.01


def test_bends_score() -> None:
    assert not bends_score(0.01, 10_000, least=0.01)
    assert bends_score(0.02, 10_000, least=0.01)
    assert not bends_score(0.02, 50, least=0.01)
