"""Folding, equal groups and similar pairs."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.duplicates import groups, similar
from tunewell.facts.folding import fold
from tunewell.testing import dataset


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My card!", "my  card"), ("top-up now", "top up now"), ("don't", "DONT"),
        ("\uff46ull", "full"), ("Straße", "STRASSE"),
    ],
)  # fmt: skip
def test_the_same_is_folded_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.50", "150"), ("good :)", "good :("), ("£1", "€1"), ("-5", "5"), ("!!!", "???")],
)
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_changes_nothing_for_words(text: str) -> None:
    assert bool(fold(text)) == bool(text.strip())


def test_groups_count_across_splits() -> None:
    found = groups(dataset(["Hi!", "ho", ""], ["a", "b", "a"], evaluation=(["hi"], ["a"])))
    assert found.group.tolist() == [0, 1, -1, 0]
    assert found.split.tolist() == [0, 0, 0, 1]


def runs(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[at : at + 5] for at in range(len(padded) - 4)}


@given(st.lists(st.text("ab ", min_size=0, max_size=30), max_size=25, unique=True))
def test_pairs_are_those_that_comparing_all_with_all_finds(texts: list[str]) -> None:
    sets = [runs(text) for text in texts]
    wanted = {
        (one, other)
        for one in range(len(texts))
        for other in range(one + 1, len(texts))
        if sets[one] and len(sets[one] & sets[other]) >= 0.8 * len(sets[one] | sets[other])
    }
    found = similar(tuple(texts), 0.8)
    assert {(int(one), int(other)) for one, other in found.pairs} == wanted


def test_perturbed_copies_are_found() -> None:
    shuffle = random.Random(0)  # noqa: S311  a seeded test
    words = [f"w{n:03}" for n in range(500)]
    texts = [" ".join(shuffle.choices(words, k=20)) for _ in range(500)]
    copies = []
    for text in texts:
        parts = text.split()
        parts[shuffle.randrange(20)] = "changed"
        copies.append(" ".join(parts))
    found = {tuple(pair) for pair in similar(tuple(texts + copies), 0.75).pairs.tolist()}
    assert sum((at, at + 500) in found for at in range(500)) >= 495
    assert len(found) <= 505


def test_long_documents_are_sampled_and_still_found() -> None:
    shuffle = random.Random(1)  # noqa: S311  a seeded test
    words = [f"word{n}" for n in range(3000)]
    texts = [" ".join(shuffle.choices(words, k=300)) for _ in range(200)]
    copies = [f"{text} and a new end" for text in texts]
    found = similar(tuple(texts + copies), 0.8)
    assert {(int(one), int(other)) for one, other in found.pairs} == {
        (at, at + 200) for at in range(200)
    }
