"""Predictions where a row may have several labels, or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LabelSets:
    """Given and predicted labels of n rows over k labels, each row with as many as it has.

    `given` and `predicted` are bool of shape (n, k), in the order of `label_names`. `scores` is
    float32 of shape (n, k), the probability of each label by itself, or None.
    """

    name: str
    label_names: tuple[str, ...]
    given: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    scores: NDArray[np.float32] | None = None
    file: str | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.given)
