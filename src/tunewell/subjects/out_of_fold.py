"""What models said of training rows that they had not been trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class OutOfFold:
    """Out-of-sample probabilities of m training rows over k classes.

    `rows` is int64 of shape (m,), the rows' places in `Dataset.train`. `given` holds their labels
    as ids into `classes`, int64 of shape (m,): the labels that the models learned from, so that it
    can be seen whether the data has changed since. `probabilities` is floating, of shape (m, k).
    `source` says in words where they came from.
    """

    rows: NDArray[np.int64]
    classes: tuple[str, ...]
    given: NDArray[np.int64]
    probabilities: NDArray[np.floating]
    source: str

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)
