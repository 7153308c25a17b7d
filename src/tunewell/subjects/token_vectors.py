"""The vectors that a model has for its tokens, by their length alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class TokenVectors:
    """Lengths (Euclidean norms) of a model's token vectors, float64, one a token id.

    `inputs` are those of the embedding, of shape (rows,). `outputs` are those of the output layer
    that scores each token, None where it is tied to the embedding or there is none. `input_trained`
    and `output_trained` tell whether any part of them is trained.
    """

    inputs: NDArray[np.float64]
    outputs: NDArray[np.float64] | None = None
    input_trained: bool = True
    output_trained: bool = True

    @property
    def rows(self) -> int:
        """How many token ids the embedding has a vector for."""
        return len(self.inputs)
