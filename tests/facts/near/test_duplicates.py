"""Equal groups and similar pairs."""

import random
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.near import duplicates
from tunewell.facts.near.duplicates import clusters, groups, similar
from tunewell.testing import dataset


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


def test_long_documents_are_found() -> None:
    shuffle = random.Random(1)  # noqa: S311  a seeded test
    words = [f"word{n}" for n in range(3000)]
    texts = [" ".join(shuffle.choices(words, k=300)) for _ in range(200)]
    copies = [f"{text} and a new end" for text in texts]
    found = similar(tuple(texts + copies), 0.8)
    assert {(int(one), int(other)) for one, other in found.pairs} == {
        (at, at + 200) for at in range(200)
    }


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every data set counts as large."""
    monkeypatch.setattr(duplicates, "EVERY_PAIR_UP_TO", 0)


def test_groups_of_large_data_are_those_of_small(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Hi!", "", "ho", "hi", "é", "Ho?", "...", "É", ""]
    small = groups(dataset(texts, ["a"] * len(texts)))
    monkeypatch.setattr(duplicates, "EVERY_PAIR_UP_TO", 0)
    found = groups(dataset(texts, ["a"] * len(texts)))
    assert small.group.tolist() == found.group.tolist() == [0, -1, 1, 0, 2, 1, 3, 2, -1]
    assert small.texts.to_pylist() == found.texts.to_pylist() == ["hi", "ho", "é", "..."]


def sentences(shuffle: random.Random, count: int, words: int) -> list[str]:
    vocabulary = [f"{shuffle.choice('bcdfglmnprst')}{n}o" for n in range(3000)]
    return [" ".join(shuffle.choices(vocabulary, k=words)) for _ in range(count)]


def perturbed(text: str, shuffle: random.Random, share: float = 0.05) -> str:
    """The text with a share of its words dropped or changed with the next one."""
    words = text.split()
    at = 0
    while at < len(words) - 1:
        if shuffle.random() < share:
            if shuffle.random() < 0.5:
                del words[at]
                continue
            words[at : at + 2] = words[at : at + 2][::-1]
        at += 1
    return " ".join(words)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("words", [12, 60])
def test_perturbed_copies_of_large_data_are_found(words: int) -> None:
    shuffle = random.Random(7)  # noqa: S311  a seeded test
    texts = sentences(shuffle, 1500, words)
    every = texts + [perturbed(text, shuffle) for _ in range(3) for text in texts]
    distinct, number = np.unique(np.array(every), return_inverse=True)
    found = similar(distinct.tolist(), 0.7)
    sets = [runs(text) for text in distinct.tolist()]
    for (one, other), similarity in zip(
        found.pairs.tolist(), found.similarity.tolist(), strict=True
    ):
        exact = len(sets[one] & sets[other]) / len(sets[one] | sets[other])
        assert similarity == pytest.approx(exact)
        assert exact >= 0.7
    cluster = found.cluster[number]
    source = np.arange(len(every)) % len(texts)
    assert (cluster[len(texts) :] == np.tile(cluster[: len(texts)], 3)).mean() >= 0.9
    assert len(set(zip(cluster.tolist(), source.tolist(), strict=True))) < 1.1 * len(texts)
    assert all(len(set(source[cluster == one].tolist())) == 1 for one in np.unique(cluster)[:200])


@pytest.mark.usefixtures("large")
def test_the_same_input_gives_the_same_pairs() -> None:
    shuffle = random.Random(3)  # noqa: S311  a seeded test
    texts = sentences(shuffle, 400, 20)
    texts = sorted({*texts, *(perturbed(text, shuffle) for text in texts)})
    one, other = similar(texts, 0.7), similar(texts, 0.7)
    assert len(one.pairs) > 200
    assert (one.pairs == other.pairs).all()
    assert (one.similarity == other.similarity).all()
    assert (one.cluster == other.cluster).all()


def templated(count: int) -> list[str]:
    shuffle = random.Random(5)  # noqa: S311  a seeded test
    names = [
        f"{a}{b}"
        for a in ("Al", "Be", "Cy", "Do", "Ed", "Fy")
        for b in ("an", "el", "is", "ow", "um")
    ]
    return [
        f"please write a short and friendly answer to {shuffle.choice(names)} "
        f"{shuffle.choice(names)} who has asked about order {shuffle.randrange(10**6)} "
        "and would like to know when it will arrive at the address that was given"
        for _ in range(count)
    ]


def seconds(texts: Sequence[str]) -> float:
    before = time.process_time()
    similar(list(dict.fromkeys(texts)), 0.8)
    return time.process_time() - before


@pytest.mark.parametrize("limit", [0, duplicates.EVERY_PAIR_UP_TO])
def test_texts_of_one_template_take_time_in_proportion(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All pairs of 900 rows of one template keep other tools busy for ever. Here eight times the
    # rows, 64 times the pairs, may take 24 times as long.
    monkeypatch.setattr(duplicates, "EVERY_PAIR_UP_TO", limit)
    seconds(templated(50))  # imports
    few, many = templated(900), templated(7200)
    assert seconds(many) < 24 * max(seconds(few), 0.05)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_clusters_are_what_chains_of_pairs_join(pairs: list[tuple[int, int]]) -> None:
    wanted = list(range(10))
    for _ in range(10):
        for one, other in pairs:
            least = min(wanted[one], wanted[other])
            wanted = [least if at in (wanted[one], wanted[other]) else at for at in wanted]
    assert clusters(np.array(pairs, dtype=np.int64).reshape(-1, 2), 10).tolist() == wanted
