"""Counts and scores of an evaluation, from its confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtrc

from tunewell.core.check import NotApplicableError
from tunewell.core.proof import Estimate
from tunewell.facts.memo import fact
from tunewell.stats.intervals import bootstrap, wilson
from tunewell.stats.multiple import holm
from tunewell.subjects.evaluation import Evaluation

Shares = NDArray[np.float64]
Counts = NDArray[np.int64]

HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ClassScores:
    """Scores of each class, arrays of shape (k,) in the order of `label_names`.

    Precision, recall and F1 are NaN where nothing defines them (no row predicted, none given,
    neither). `recall_low` and `recall_high`, `precision_low` and `precision_high` are the ends of
    Wilson's 95 % intervals.
    """

    support: Counts
    predicted: Counts
    hits: Counts
    precision: Shares
    precision_low: Shares
    precision_high: Shares
    recall: Shares
    recall_low: Shares
    recall_high: Shares
    f1: Shares


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Two classes that are taken for one another; `first` errs towards `second` the most.

    `expected` is the number of such errors if the two classes' wrong answers fell on each other as
    they fall on all other classes. `p_value` is Holm's adjustment over all pairs.
    """

    first: int
    second: int
    first_as_second: int
    second_as_first: int
    expected: float
    p_value: float

    @property
    def count(self) -> int:
        """Errors in either direction."""
        return self.first_as_second + self.second_as_first


@fact
def confusion(evaluation: Evaluation) -> Counts:
    """Counts of given class (row) against predicted class (column), shape (k, k)."""
    classes = len(evaluation.label_names)
    cells = evaluation.given * classes + evaluation.predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


@fact
def class_scores(evaluation: Evaluation) -> ClassScores:
    """Precision, recall, F1 and support of each class."""
    counts = confusion(evaluation)
    support, predicted, hits = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hits / predicted, hits / support
        f1 = 2 * hits / (support + predicted)
    precision_low, precision_high = wilson(hits, predicted)
    recall_low, recall_high = wilson(hits, support)
    return ClassScores(
        support=support,
        predicted=predicted,
        hits=hits,
        precision=precision,
        precision_low=precision_low,
        precision_high=precision_high,
        recall=recall,
        recall_low=recall_low,
        recall_high=recall_high,
        f1=f1,
    )


@fact
def accuracy(evaluation: Evaluation) -> Estimate:
    """Share of right answers with Wilson's 95 % interval; 0 to 1 without rows."""
    rows, right = len(evaluation), int(evaluation.correct.sum())
    low, high = wilson(right, rows)
    value = right / rows if rows else 0.0
    return Estimate(name="accuracy", value=value, low=float(low), high=float(high))


@fact
def macro_f1(evaluation: Evaluation) -> Estimate:
    """Mean F1 of the classes that are given or predicted, with a bootstrap 95 % interval.

    Classes that occur nowhere in the evaluation are left out, as scikit-learn does.
    """
    classes = len(evaluation.label_names)
    counts = confusion(evaluation).ravel()
    kinds = np.flatnonzero(counts)
    given, predicted = kinds // classes, kinds % classes
    # One-hot over the kinds that occur: their product with drawn counts is a whole confusion
    # matrix's margins at once.
    by_given = np.eye(classes)[given]
    by_predicted = np.eye(classes)[predicted]
    by_hit = by_given * (given == predicted)[:, None]

    def mean_f1(drawn: Shares) -> Shares:
        both = drawn @ (by_given + by_predicted)
        with np.errstate(invalid="ignore", divide="ignore"):
            f1: Shares = np.nanmean(2 * (drawn @ by_hit) / both, axis=1)
        return f1

    if not len(kinds):
        return Estimate(name="macro-F1", value=0.0, low=0.0, high=1.0)
    value = float(mean_f1(counts[kinds][None, :].astype(np.float64))[0])
    low, high = bootstrap(counts[kinds], mean_f1, resamples=1000)
    return Estimate(name="macro-F1", value=value, low=low, high=high)


@fact
def majority_share(evaluation: Evaluation) -> float:
    """Share of the most frequent given class: the accuracy of always answering with it."""
    return float(class_scores(evaluation).support.max() / max(len(evaluation), 1))


def require_learned(evaluation: Evaluation, min_learned: float) -> None:
    """Stop a check of error patterns on a model that has hardly learned.

    Such a model errs wherever its first steps happened to lead: the pattern is a consequence. It
    has hardly learned where it is right on less than half of the rows and its accuracy has come
    less than `min_learned` of the way from the largest class's share to 1. The half keeps models
    apart that are mostly right because one class is most of the data: there a pattern is the point.

    Raises:
        NotApplicableError: if the model has hardly learned.
    """
    right, guess = accuracy(evaluation).value, majority_share(evaluation)
    if len(evaluation) and right < HALF and right - guess < min_learned * (1 - guess):
        message = (
            f"the model has hardly learned: accuracy {100 * right:.0f} % where always naming the "
            f"largest class gives {100 * guess:.0f} %; its errors say nothing of the data yet"
        )
        raise NotApplicableError(message)


def _expected_errors(wrong: Counts) -> Shares:
    """Errors in each cell if classes only differed in how many they make and receive.

    The cells of the pair itself are left out, or the pair with the most errors would explain
    itself. One is added to each count, so that a class without other errors does not make one
    error a wonder. With fewer than four classes nothing is left to learn from, and the pair's own
    errors count too.
    """
    classes, total = len(wrong), int(wrong.sum())
    made, received = wrong.sum(axis=1), wrong.sum(axis=0)
    if classes < 4:  # noqa: PLR2004  see above
        # A class cannot be mistaken for itself: its errors spread over what the others receive.
        spread: Shares = (
            made[:, None] * received[None, :] / np.maximum(total - received, 1)[:, None]
        )
        return spread
    elsewhere = total - (made + received)[:, None] - (made + received)[None, :] + wrong + wrong.T
    others: Shares = (made[:, None] - wrong + 1) * (received[None, :] - wrong + 1.0)
    expected: Shares = others / np.maximum(elsewhere, 1)
    return expected


@fact
def confused_pairs(evaluation: Evaluation) -> tuple[ConfusedPair, ...]:
    """Pairs of classes with errors between them, the least explicable by chance first."""
    wrong = confusion(evaluation).copy()
    np.fill_diagonal(wrong, 0)
    total = int(wrong.sum())
    if not total:
        return ()
    classes = len(wrong)
    expected = _expected_errors(wrong)
    upper = np.triu_indices(classes, 1)
    count = (wrong + wrong.T)[upper]
    mean = (expected + expected.T)[upper]
    p_value = np.ones(len(count))
    some = count > 0
    p_value[some] = pdtrc(count[some] - 1, np.maximum(mean[some], 1e-9))
    adjusted = holm(p_value)
    order = np.lexsort((-count, p_value))
    pairs: list[ConfusedPair] = []
    for place in order[: int(some.sum())].tolist():
        one, two = int(upper[0][place]), int(upper[1][place])
        if wrong[two, one] > wrong[one, two]:
            one, two = two, one
        pairs.append(
            ConfusedPair(
                first=one,
                second=two,
                first_as_second=int(wrong[one, two]),
                second_as_first=int(wrong[two, one]),
                expected=float(mean[place]),
                p_value=float(adjusted[place]),
            )
        )
    return tuple(pairs)
