"""What checks say of the parts that they flag."""

import re

import numpy as np

from tunewell.core.finding import DropRows
from tunewell.facts.writing.flagged import Flagged, asked, excerpt, flag, joined, unless_asked
from tunewell.subjects.parts import Role
from tunewell.testing import rows

RECORDS = [
    {"instruction": "Name a river.", "input": "In France.", "output": "The Loire."},
    {"instruction": "Name a bird.", "input": "", "output": "A wren."},
    {"instruction": "Name a tree.", "input": "A tall one.", "output": "A fir."},
]
DATA = rows(RECORDS, evaluation=RECORDS[:1])


def some(*numbers: int) -> Flagged:
    return Flagged(DATA.splits, [np.array(numbers, dtype=np.int64), np.array([], dtype=np.int64)])


def test_rows_count_once() -> None:
    found = some(0, 2, 4)
    assert found.count == 2
    assert found.total == 4
    assert found.of_all == "2 of 4 rows (50 %)"
    assert [place.index for place in found.where] == [0, 1]
    assert found.drop("row").edits == (DropRows(split="train", rows=(0, 1)),)


def test_parts_by_role() -> None:
    answers = some(0, 2, 4).of(frozenset({Role.ANSWER}))
    assert [at.tolist() for at in answers.parts] == [[2, 4], []]
    assert some(0, 2).without(some(2)).parts[0].tolist() == [0]
    assert joined(some(2), some(0, 2)).parts[0].tolist() == [0, 2]


def test_every_split_is_searched() -> None:
    found = flag(DATA, lambda split: np.array([len(split) - 1, 0], dtype=np.int64))
    assert [at.tolist() for at in found.parts] == [[0, 2], [0]]
    assert found.examples("first parts").total == 3


def test_what_a_row_asks() -> None:
    assert asked(DATA.train, 2) == "Name a river.\nIn France."
    assert asked(DATA.train, 4, frozenset({Role.PROMPT})) == "Name a bird."
    kept = unless_asked(DATA.train, np.array([2, 4], dtype=np.int64), re.compile("France"))
    assert kept.tolist() == [4]


def test_excerpt_shows_the_place() -> None:
    text = "a" * 300 + "HERE" + "b" * 300
    assert "HERE" in excerpt(text, 300)
    assert excerpt(text, 300).startswith("…")
    assert excerpt("short") == "short"
