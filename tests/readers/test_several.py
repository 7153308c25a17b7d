"""Rows with several labels, however they are written."""

from pathlib import Path

import pytest

from tunewell.readers.data import read_dataset
from tunewell.subjects.layout import Kind
from tunewell.testing import rows

TOPICS = ("Health, beauty", "Cars", "Food, drink", "Toys")


def test_a_class_name_with_a_comma_is_not_cut() -> None:
    """The separator is found for the column as a whole."""
    cells = ["|".join(sorted({TOPICS[at % 4], TOPICS[at // 4 % 4]})) for at in range(64)]
    made = rows([{"text": f"row {at}", "category": cell} for at, cell in enumerate(cells)])
    assert made.kind is Kind.MULTI_LABEL
    assert made.label_names == tuple(sorted(TOPICS))


def test_the_evaluation_is_cut_like_the_training_rows() -> None:
    """One evaluation cell would not tell what its separator is."""
    cells = [("a", "b", "c", "a,b", "b,c", "a,c")[at % 6] for at in range(60)]
    made = rows(
        [{"text": f"row {at}", "label": cell} for at, cell in enumerate(cells)],
        evaluation=[{"text": "one", "label": "a,c"}],
    )
    assert made.evaluation is not None
    assert made.evaluation.label_sets == [("a", "c")]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ([0, 1, 1], ("1", "2")),
        (["joy", "love"], ("joy", "love")),
        ([4, 27], ("27", "4")),
        ("['joy', 'love, hate']", ("joy", "love, hate")),
        ("[]", ()),
    ],
)
def test_lists(cell: object, labels: tuple[str, ...]) -> None:
    """Names, numbers, zeros and ones, and lists that pandas wrote as text."""
    made = rows([{"text": f"row {at}", "labels": cell} for at in range(9)])
    assert made.kind is Kind.MULTI_LABEL
    assert made.train.label_sets is not None
    assert set(made.train.label_sets) == {labels}


def test_a_column_for_each_label() -> None:
    """As in sets of toxic comments."""
    made = rows(
        [
            {"text": f"a comment, number {at}", "toxic": at % 2, "rude": int(not at % 3), "bad": 0}
            for at in range(12)
        ]
    )
    assert made.kind is Kind.MULTI_LABEL
    assert made.train.label_sets is not None
    assert made.train.label_sets[:4] == [("rude",), ("toxic",), (), ("rude", "toxic")]
    assert not made.train.extra


def test_flags_beside_a_label_are_no_labels(tmp_path: Path) -> None:
    """A label column found by its content goes before columns of zeros and ones."""
    path = tmp_path / "rows.csv"
    lines = [f"{('ham', 'spam')[at % 2]},some long text {at},{at % 2},0,1" for at in range(40)]
    path.write_text("v1,v2,urgent,read,starred\n" + "\n".join(lines), encoding="utf-8")
    made = read_dataset(path)
    assert made.kind is Kind.CLASSIFICATION
    assert made.label_names == ("ham", "spam")


def test_half_a_surrogate_pair_in_a_label() -> None:
    """What could not be written to any report becomes a question mark."""
    made = rows([{"text": "hi", "label": "\ud800"}, {"text": "ho", "label": "b"}])
    assert made.label_names == ("?", "b")
