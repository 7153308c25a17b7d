"""What the tokenizer makes of a data set's texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Tokenization:
    """Token counts of the training texts, special tokens included, before any cut.

    `lengths` is int64 of shape (n,), in row order. `max_length` is where the recipe cuts; None
    means that it does not. `model_limit` is the longest input that the model has positions for.
    """

    split: str
    lengths: NDArray[np.int64]
    max_length: int | None
    model_limit: int | None
