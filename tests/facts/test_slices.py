"""Weak slices: planted ones are found, and errors at random give none."""

import time

import numpy as np

from tunewell.facts.slices import predicates, rank_slices, weak_slices
from tunewell.subjects.evaluation import Evaluation

WORDS = np.array([f"word{number}" for number in range(200)])
NAMES = tuple(f"label{number}" for number in range(8))


def rows_of(
    rows: int, error: float, *, seed: int, train_counts: np.ndarray | None = None
) -> Evaluation:
    """Random texts and errors at random."""
    rng = np.random.default_rng(seed)
    texts = tuple(
        " ".join(words)
        for words in WORDS[np.minimum(rng.geometric(0.03, size=(rows, 6)) - 1, len(WORDS) - 1)]
    )
    given = rng.integers(0, 8, rows)
    wrong = rng.random(rows) < error
    predicted = np.where(wrong, (given + rng.integers(1, 8, rows)) % 8, given)
    return Evaluation("e", NAMES, given, predicted, texts=texts, train_counts=train_counts)


def test_errors_at_random_give_no_slice() -> None:
    """In 150 evaluations with errors at random at most 9 have a confirmed slice (alpha 5 %)."""
    false = sum(bool(weak_slices(rows_of(600, 0.15, seed=seed))) for seed in range(150))
    assert false <= 9


def test_a_planted_feature_slice_is_found() -> None:
    """Texts with digits fail."""
    base = rows_of(1200, 0.05, seed=1)
    assert base.texts is not None
    digits = np.arange(1200) % 10 == 0
    plain = tuple("".join(c for c in text if c.isalpha() or c == " ") for text in base.texts)
    shown = tuple(t + " 7" if hit else t for t, hit in zip(plain, digits, strict=True))
    predicted = np.where(digits, (base.given + 1) % 8, base.predicted)
    found = weak_slices(Evaluation("e", NAMES, base.given, predicted, texts=shown))
    assert found
    assert set(found[0].rows.tolist()) == set(np.flatnonzero(digits).tolist())
    assert found[0].rate == 1.0
    assert found[0].p_value < 1e-6


def test_rare_classes_are_a_slice() -> None:
    """Classes with few training rows fail together."""
    counts = np.array([100, 100, 100, 100, 100, 100, 5, 6])
    base = rows_of(1500, 0.03, seed=2, train_counts=counts)
    rng = np.random.default_rng(3)
    fails = (base.given >= 6) & (rng.random(1500) < 0.4)
    predicted = np.where(fails, 0, base.predicted)
    found = weak_slices(
        Evaluation("e", NAMES, base.given, predicted, texts=base.texts, train_counts=counts)
    )
    assert "label with fewer than 33 training rows" in [one.description for one in found]


def test_slices_tell_of_different_errors() -> None:
    """A word, its label and both together are one slice, not three."""
    base = rows_of(2000, 0.02, seed=4)
    predicted = np.where(base.given == 5, 1, base.predicted)
    found = rank_slices(Evaluation("e", NAMES, base.given, predicted, texts=base.texts), limit=5)
    assert found[0].description == "label 'label5'"
    assert not any("label5" in one.description for one in found[1:])


def test_same_input_same_slices_and_no_text_needed() -> None:
    """The halving is seeded; labels alone are predicates too."""
    base = rows_of(800, 0.1, seed=5)
    again = Evaluation("e", NAMES, base.given, base.predicted, texts=base.texts)
    assert [one.description for one in rank_slices(base, limit=5)] == [
        one.description for one in rank_slices(again, limit=5)
    ]
    bare = Evaluation("e", NAMES, base.given, np.where(base.given == 2, 3, base.given))
    assert weak_slices(bare)[0].description == "label 'label2'"


def test_no_rows_and_no_errors() -> None:
    """Nothing to rank gives nothing."""
    empty = Evaluation("e", NAMES, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    assert weak_slices(empty) == ()
    assert weak_slices(rows_of(100, 0.0, seed=6)) == ()


def test_many_rows_are_quick() -> None:
    """100,000 rows take seconds, not minutes, and predicates are counted without a loop."""
    base = rows_of(100_000, 0.1, seed=7)
    began = time.process_time()
    assert len(predicates(base).descriptions) > 1000
    weak_slices(base)
    assert time.process_time() - began < 15
