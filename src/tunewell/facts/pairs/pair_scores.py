"""Scores of text pairs as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Split

SCORE_WORDS = ("score", "similarity", "relatedness", "sim")
"""Words in the names of columns that hold scores and no classes."""

FEWEST_FRACTIONS = 3
"""Different values with a fraction that make a column a column of scores."""


@fact
def numbers(split: Split) -> NDArray[np.float64]:
    """The label of each row as a number, NaN where it is none, shape (rows,)."""
    values = np.full(len(split), np.nan)
    for row, label in enumerate(split.labels):
        if label is not None:
            try:
                values[row] = float(label)
            except ValueError:
                continue
    values[~np.isfinite(values)] = np.nan
    return values


@fact
def holds_scores(split: Split) -> bool:
    """Whether the labels are scores: numbers by the column's name or with fractions.

    Whole numbers under another name may be the numbers of classes.
    """
    values = numbers(split)
    known = values[~np.isnan(values)]
    labelled = sum(label is not None for label in split.labels)
    if 2 * len(known) <= labelled or not len(known):
        return False
    words = (split.source.label_column or "").lower().replace("-", "_").split("_")
    if any(word in SCORE_WORDS for word in words):
        return True
    return len(np.unique(known[known != np.round(known)])) >= FEWEST_FRACTIONS
