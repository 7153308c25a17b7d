"""Predictions beside the labels they should have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Evaluation:
    """Predicted and given labels of n rows over k classes.

    `given` and `predicted` are int64 of shape (n,), ids into `label_names`. `probabilities` is
    float32 of shape (n, k) or None. `texts` and `lines` belong to the rows where they are known.
    `train_counts` is the number of training rows of each class, shape (k,), or None.
    """

    name: str
    label_names: tuple[str, ...]
    given: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None = None
    texts: Sequence[str] | None = None
    lines: Sequence[int] | None = None
    file: str | None = None
    train_counts: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.given)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each row is right, shape (n,)."""
        return np.equal(self.given, self.predicted)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class EvaluationPair:
    """Two models on the same rows in the same order: `baseline` is the one in use."""

    baseline: Evaluation
    candidate: Evaluation
