"""Folding one text, and many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.near.folding import fold, folded
from tunewell.subjects.parts import Texts

TRICKY = "aB1 -/.,!?'\"`;:\t\n\x1c\x00 é…”¿‐–−´ﬁ５０٣۴ßİ\u2028\xa0日😀"  # noqa: RUF001


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My card!", "my  card"), ("top-up now", "top up now"), ("don't", "DONT"),
        ("\uff46ull", "full"), ("Straße", "STRASSE"), ("don´t", "don’t"), ("1–2", "1-2"),  # noqa: RUF001
    ],
)  # fmt: skip
def test_the_same_is_folded_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.50", "150"), ("good :)", "good :("), ("£1", "€1"), ("-5", "5"), ("!!!", "???"),
     ("٣٫٥", "٣٥")],  # noqa: RUF001
)  # fmt: skip
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_leaves_something_of_every_text(text: str) -> None:
    assert bool(fold(text)) == bool(text.strip())


@given(st.lists(st.text(TRICKY, max_size=12), max_size=12))
def test_folding_many_is_folding_each(texts: list[str]) -> None:
    assert folded(texts).to_pylist() == [fold(text) for text in texts]


@given(st.lists(st.text(max_size=12), max_size=5))
def test_folding_many_of_any_text_is_folding_each(texts: list[str]) -> None:
    column = Texts.of(texts)
    assert folded(column).to_pylist() == [fold(text) for text in column]
