"""Evaluations made for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.evaluation import Evaluation


def from_counts(
    counts: Sequence[Sequence[int]], *, train_counts: Sequence[int] | None = None
) -> Evaluation:
    """An evaluation with this confusion matrix (rows: given class)."""
    matrix = np.array(counts, dtype=np.int64)
    given, predicted = np.indices(matrix.shape).reshape(2, -1)
    times = matrix.ravel()
    return evaluation(
        np.repeat(given, times), np.repeat(predicted, times), len(matrix), train_counts=train_counts
    )


def evaluation(
    given: NDArray[np.int64],
    predicted: NDArray[np.int64],
    classes: int,
    *,
    texts: Sequence[str] | None = None,
    train_counts: Sequence[int] | None = None,
) -> Evaluation:
    """An evaluation of class ids, with labels "class 0", "class 1" ..."""
    return Evaluation(
        name="eval",
        label_names=tuple(f"class {number}" for number in range(classes)),
        given=given,
        predicted=predicted,
        texts=texts,
        lines=range(2, len(given) + 2),
        file="eval.csv",
        train_counts=None if train_counts is None else np.array(train_counts, dtype=np.int64),
    )


def random_errors(
    rows: int, classes: int, error: float, *, seed: int = 0, texts: Sequence[str] | None = None
) -> Evaluation:
    """Balanced classes with errors that fall at random."""
    rng = np.random.default_rng(seed)
    given = np.arange(rows) % classes
    elsewhere = (given + rng.integers(1, max(classes, 2), rows)) % classes
    predicted = np.where(rng.random(rows) < error, elsewhere, given)
    return evaluation(given, predicted, classes, texts=texts)
