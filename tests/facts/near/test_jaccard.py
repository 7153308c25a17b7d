"""The similarity of pairs of texts is exact."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.near import jaccard
from tunewell.facts.near.jaccard import similarities


def runs(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[at : at + 5] for at in range(len(padded) - 4)}


def by_sets(texts: list[str], pairs: list[tuple[int, int]]) -> list[float]:
    sets = [(runs(texts[one]), runs(texts[other])) for one, other in pairs]
    return [len(a & b) / len(a | b) if a | b else 0.0 for a, b in sets]


TEXT = st.text("ab é日\x00", max_size=40) | st.text(max_size=20)


@pytest.mark.parametrize("size", [1, 100, 2**17])
@given(st.lists(TEXT, min_size=1, max_size=12), st.data())
def test_it_is_what_comparing_sets_of_runs_gives(
    size: int, texts: list[str], data: st.DataObject
) -> None:
    place = st.integers(0, len(texts) - 1)
    pairs = sorted(data.draw(st.lists(st.tuples(place, place), max_size=20)), key=lambda p: p[1])
    before = jaccard.BYTES_AT_ONCE
    jaccard.BYTES_AT_ONCE = size  # as many blocks as there are pairs, some, one
    try:
        found = similarities(
            pa.array(texts, pa.large_string()), np.array(pairs, dtype=np.int64).reshape(-1, 2)
        )
    finally:
        jaccard.BYTES_AT_ONCE = before
    assert found.tolist() == pytest.approx(by_sets(texts, pairs))


def test_part_of_an_array_is_compared_and_not_what_lies_beside_it() -> None:
    texts = pa.array(["before", "the same text", "the same test", "behind"], pa.large_string())
    found = similarities(texts.slice(1, 2), np.array([[0, 1]]))
    assert found.tolist() == pytest.approx(by_sets(["the same text", "the same test"], [(0, 1)]))
