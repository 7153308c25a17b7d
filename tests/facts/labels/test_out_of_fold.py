"""Cross-validated probabilities: folds keep copies together, and bad data is named."""

import dataclasses

import numpy as np
import pytest

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.facts.labels import out_of_fold as module
from tunewell.facts.labels.out_of_fold import (
    assign_folds,
    judged,
    out_of_fold,
    text_groups,
    with_features,
)
from tunewell.subjects.layout import Kind
from tunewell.testing import dataset

FRUIT = [f"a ripe {name} from the orchard, number {n}" for n, name in enumerate(["pear"] * 30)]
TOOLS = [f"a heavy {name} from the shed, number {n}" for n, name in enumerate(["hammer"] * 30)]
TEXTS = [*FRUIT, *TOOLS]
LABELS = ["fruit"] * 30 + ["tool"] * 30


def test_every_row_is_judged_once_by_the_others() -> None:
    found = out_of_fold(dataset(TEXTS, LABELS))
    assert found.classes == ("fruit", "tool")
    assert found.rows.tolist() == list(range(60))
    assert found.probabilities.shape == (60, 2)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (found.probabilities.argmax(axis=1) == found.given).all()
    assert "5-fold" in found.source


def test_copies_do_not_vouch_for_each_other() -> None:
    """Ten copies of one fruit text, all called tools, are still judged to be fruit."""
    copies = ["A RIPE pear from the orchard, number 77!"] * 5
    copies += ["a ripe pear from the orchard, number 77"] * 5
    found = out_of_fold(dataset([*TEXTS, *copies], [*LABELS, *["tool"] * 10]))
    assert (found.probabilities[60:].argmax(axis=1) == 0).all()


def test_near_copies_share_a_fold() -> None:
    base = "the committee met on tuesday to weigh the proposal for a new bridge over the river"
    texts = [base, base + " again", *[f"{word} unlike" * 9 for word in "abcdefghijklmnop"] * 3]
    group = text_groups(dataset(texts, ["x"] * len(texts)))
    assert group[0] == group[1]
    assert group[0] != group[2]


def test_a_template_is_no_copy() -> None:
    """Rows made by one template would all fall into one fold."""
    texts = [f"dear customer, your order number {n} has been sent to you today" for n in range(60)]
    assert len(set(text_groups(dataset(texts, LABELS)).tolist())) == 60


def test_classes_are_spread_over_folds() -> None:
    given = np.repeat(np.arange(4), 25)
    folds = assign_folds(np.arange(100), given, 5)
    assert all((np.bincount(folds[given == one]) == 5).all() for one in range(4))


def test_groups_stay_together() -> None:
    group = np.random.default_rng(0).integers(0, 20, 200)
    folds = assign_folds(group, group % 3, 4)
    assert all(len(set(folds[group == one].tolist())) == 1 for one in range(20))


def test_rows_that_cannot_be_judged_are_left_out() -> None:
    """No text, no label, or a class of few texts, copies not counted."""
    data = dataset(
        [*TEXTS, "", "what is it", *["one", "ONE", "one!", "One."] * 3],
        [*LABELS, "tool", None, *["rare"] * 12],
    )
    rows, classes, given = judged(data)
    assert rows.tolist() == list(range(60))
    assert classes == ("fruit", "tool")
    assert np.bincount(given).tolist() == [30, 30]


def test_same_data_same_probabilities() -> None:
    one, other = (out_of_fold(dataset(TEXTS, LABELS)) for _ in range(2))
    assert (one.probabilities == other.probabilities).all()


def test_features_that_are_given() -> None:
    """Embeddings stand in for TF-IDF; their scale does not matter."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)) + np.repeat([[3.0], [-3.0]], 30, axis=0)
    data = dataset(TEXTS, LABELS)
    one = with_features(data, vectors, "vectors")
    other = with_features(data, 1000 * vectors, "vectors")
    assert (one.probabilities.argmax(axis=1) == one.given).all()
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-3)
    assert one.source.endswith("on vectors")


def test_texts_without_words() -> None:
    """Signs alone give no features, and the sizes of the classes decide."""
    texts = [chr(0x2600 + n) for n in range(40)]
    found = out_of_fold(dataset(texts, ["a"] * 20 + ["b"] * 20))
    assert np.isfinite(found.probabilities).all()


def test_too_much_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IN_ALL", 100)
    with pytest.raises(NotRunError, match="60 rows of 2 labels are too many"):
        out_of_fold(dataset(TEXTS, LABELS))


def test_much_text_is_judged_by_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FOR_RUNS", 100)
    found = out_of_fold(dataset(TEXTS, LABELS))
    assert found.source.endswith("TF-IDF of words")
    assert (found.probabilities.argmax(axis=1) == found.given).all()


def test_other_kinds_of_data() -> None:
    data = dataset(TEXTS, LABELS)
    tags = dataclasses.replace(data, train=dataclasses.replace(data.train, kind=Kind.TAGGING))
    with pytest.raises(NotApplicableError, match="token tags"):
        out_of_fold(tags)
