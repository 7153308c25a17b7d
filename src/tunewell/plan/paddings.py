"""How long the rows of a batch are once they are padded, from the lengths of the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_padded_length(
    lengths: NDArray[np.int64],
    batch: int,
    *,
    cut: int | None = None,
    multiple: int = 1,
    grouped: bool = False,
) -> float:
    """The mean over batches of their longest row's length, in tokens.

    It is what the time of a run goes by; its memory goes by the longest row of all. For batches
    drawn at random the expectation is exact: the longest of b rows is at most the i-th shortest of
    n with chance (i/n)^b.

    Args:
        lengths: tokens of each row, shape (n,), n at least 1.
        batch: rows that are padded together.
        cut: rows are cut to so many tokens.
        multiple: what the collator rounds up to.
        grouped: whether rows of like lengths are put together (`group_by_length`), after which
            next to nothing is padded.
    """
    cut_off = lengths if cut is None else np.minimum(lengths, cut)
    rounded = np.sort(-(-cut_off // multiple) * multiple).astype(np.float64)
    if grouped or batch == 1:
        return float(rounded.mean())
    chance = (np.arange(1, len(rounded) + 1) / len(rounded)) ** batch
    return float(rounded @ np.diff(chance, prepend=0.0))
