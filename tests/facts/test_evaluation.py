"""Facts of an evaluation, against scikit-learn, and pairs of classes under chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from tunewell.facts.evaluation import (
    accuracy,
    class_scores,
    confused_pairs,
    confusion,
    macro_f1,
    majority_share,
)
from tunewell.subjects.evaluation import Evaluation


def evaluation(given_ids: np.ndarray, predicted: np.ndarray, classes: int) -> Evaluation:
    """An evaluation of ids."""
    names = tuple(f"c{number}" for number in range(classes))
    return Evaluation("e", names, given_ids.astype(np.int64), predicted.astype(np.int64))


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(2, 200))
def test_scores_are_scikit_learns(seed: int, classes: int, rows: int) -> None:
    """Counts, precision, recall, F1 and their mean."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    predicted = np.where(rng.random(rows) < 0.7, true, rng.integers(0, classes, rows))
    run = evaluation(true, predicted, classes)
    labels = list(range(classes))
    assert np.array_equal(confusion(run), confusion_matrix(true, predicted, labels=labels))
    known = precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    scores = class_scores(run)
    assert np.nan_to_num(scores.precision) == pytest.approx(known[0])
    assert np.nan_to_num(scores.recall) == pytest.approx(known[1])
    assert np.nan_to_num(scores.f1) == pytest.approx(known[2])
    assert scores.support.tolist() == known[3].tolist()
    estimate = macro_f1(run)
    assert estimate.value == pytest.approx(f1_score(true, predicted, average="macro"))
    assert estimate.low <= estimate.high
    right = accuracy(run)
    assert right.low <= right.value <= right.high


def test_macro_f1_interval_covers() -> None:
    """About 95 of 100 bootstrap intervals hold the value of the population."""
    rng = np.random.default_rng(0)
    population = np.array([[0.5, 0.05, 0.05], [0.02, 0.2, 0.03], [0.02, 0.03, 0.1]])
    scores = [
        2 * population[c, c] / (population[c].sum() + population[:, c].sum()) for c in range(3)
    ]
    held = 0
    for _ in range(200):
        cells = rng.choice(9, size=400, p=population.ravel())
        estimate = macro_f1(evaluation(cells // 3, cells % 3, 3))
        held += estimate.low <= float(np.mean(scores)) <= estimate.high
    assert held / 200 >= 0.9


def test_majority_share() -> None:
    """The accuracy of always answering with the most frequent class."""
    run = evaluation(np.array([0] * 9 + [1]), np.zeros(10), 2)
    assert majority_share(run) == 0.9


def test_a_planted_pair_comes_first() -> None:
    """Classes 3 and 7 are mixed up on top of errors at random."""
    rng = np.random.default_rng(1)
    true = rng.integers(0, 20, 3000)
    predicted = np.where(rng.random(3000) < 0.93, true, rng.integers(0, 20, 3000))
    mixed = (true == 3) & (rng.random(3000) < 0.3)
    predicted[mixed] = 7
    first = confused_pairs(evaluation(true, predicted, 20))[0]
    assert (first.first, first.second) == (3, 7)
    assert first.first_as_second > 30
    assert first.expected < first.count / 2
    assert first.p_value < 1e-6


def test_no_pair_stands_out_by_chance() -> None:
    """Errors at random give a significant pair in at most about 5 of 100 evaluations."""
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(200):
        true = rng.integers(0, 15, 1500)
        predicted = np.where(rng.random(1500) < 0.8, true, rng.integers(0, 15, 1500))
        pairs = confused_pairs(evaluation(true, predicted, 15))
        false += pairs[0].p_value <= 0.05
    assert false / 200 <= 0.08


def test_a_perfect_model_confuses_nothing() -> None:
    """No errors, no pairs."""
    assert confused_pairs(evaluation(np.arange(9) % 3, np.arange(9) % 3, 3)) == ()


def test_no_rows_give_no_certainty() -> None:
    """An empty evaluation is anything from 0 to 1."""
    empty = evaluation(np.empty(0), np.empty(0), 2)
    assert (accuracy(empty).low, accuracy(empty).high) == (0.0, 1.0)
    assert (macro_f1(empty).low, macro_f1(empty).high) == (0.0, 1.0)
