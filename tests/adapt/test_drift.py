"""Shift between real banking questions, by character n-grams."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tunewell.adapt.drift import measure_shift
from tunewell.core.errors import InputError
from tunewell.subjects.dataset import Split
from tunewell.testing import split

SAMPLE = Path(__file__).parents[2] / "examples" / "banking77" / "train.csv"


@pytest.fixture(scope="module")
def sample() -> Split:
    """The shipped sample of BANKING77."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return split([row["text"] for row in rows], [row["category"] for row in rows])


def part(whole: Split, rows: np.ndarray, name: str) -> Split:
    """Some rows of a split."""
    return split([whole.texts[r] for r in rows], [whole.labels[r] for r in rows], name)


def test_two_halves_have_not_moved(sample: Split) -> None:
    """Of 12 p-values of random divisions at most two fall below 0.05, and none below 0.002."""
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(6):
        order = rng.permutation(len(sample))
        shift = measure_shift(part(sample, order[:150], "old"), part(sample, order[150:250], "new"))
        p_values += [shift.text_p, shift.label_p or 1.0]
    assert sum(p <= 0.05 for p in p_values) <= 2
    assert min(p_values) > 0.002


def test_other_topics_have_moved_and_their_rows_are_named(sample: Split) -> None:
    """Half the new rows are about topping up, which no old row is."""
    labels = np.array(sample.labels)
    about = np.char.startswith(labels, "top_up") | np.char.endswith(labels, "top_up")
    rest = np.flatnonzero(~about)
    new = np.concatenate([rest[:60], np.flatnonzero(about)[:60]])
    shift = measure_shift(part(sample, rest[60:], "old"), part(sample, new, "new"))
    assert shift.text_p <= 0.01
    assert {label.name for label in shift.unseen_labels} <= set(labels[about])
    assert shift.unseen_labels
    assert sum(row.row >= 60 for row in shift.moved) >= 8


def test_moved_label_shares_are_seen(sample: Split) -> None:
    """The same texts of two classes in other shares."""
    labels = np.array(sample.labels)
    first, second = np.flatnonzero(labels == "change_pin"), np.flatnonzero(labels == "pin_blocked")
    old = np.concatenate([first[:25], second[:25]])
    new = np.concatenate([first[25:27], second[25:50]])
    shift = measure_shift(part(sample, old, "old"), part(sample, new, "new"))
    assert shift.label_p is not None
    assert shift.label_p <= 0.01
    assert shift.label_effect == pytest.approx(0.5 - 2 / 27, abs=0.001)


def test_same_input_same_answer(sample: Split) -> None:
    """Byte for byte."""
    old, new = part(sample, np.arange(200), "old"), part(sample, np.arange(200, 300), "new")
    one, two = measure_shift(old, new), measure_shift(old, new)
    assert (one.text_p, one.moved, one.label_p) == (two.text_p, two.moved, two.label_p)


def test_unlabelled_new_rows_are_compared_by_text(sample: Split) -> None:
    """Without labels there is no label test."""
    new = part(sample, np.arange(100), "new")
    bare = split(list(new.texts), [None] * 100, "new")
    shift = measure_shift(part(sample, np.arange(100, 300), "old"), bare)
    assert shift.label_p is None
    assert not shift.unseen_labels


def test_too_few_rows_are_refused(sample: Split) -> None:
    """With the file's name and the number."""
    with pytest.raises(InputError, match="has 3 rows"):
        measure_shift(sample, part(sample, np.arange(3), "new"))
