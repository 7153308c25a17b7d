"""Texts of one group that nearly repeat texts of another."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

WORD = re.compile(r"\w+")

ROWS_COMPARED = 500
"""Rows of each group that are looked at: 250,000 pairs take a quarter of a second."""


def near_repeats(
    first: Sequence[str], second: Sequence[str], *, least: float = 0.7
) -> list[tuple[int, int, float]]:
    """Pairs (index in `first`, index in `second`, similarity), the most similar first.

    Similarity is Jaccard's over the sets of words; each row of `first` gives its best pair only.
    Of longer groups the first `ROWS_COMPARED` rows are looked at.
    """
    groups = [
        [set(WORD.findall(text.lower())) for text in texts[:ROWS_COMPARED]]
        for texts in (first, second)
    ]
    vocabulary: dict[str, int] = {}
    for words in (*groups[0], *groups[1]):
        for word in words:
            vocabulary.setdefault(word, len(vocabulary))
    if not vocabulary or not groups[0] or not groups[1]:
        return []
    sides = []
    for group in groups:
        table = np.zeros((len(group), len(vocabulary)), dtype=np.float32)
        for row, words in enumerate(group):
            table[row, [vocabulary[word] for word in words]] = 1
        sides.append(table)
    shared = sides[0] @ sides[1].T
    either = sides[0].sum(axis=1)[:, None] + sides[1].sum(axis=1)[None, :] - shared
    similarity = shared / np.maximum(either, 1)
    best = similarity.argmax(axis=1)
    found = [
        (row, int(column), float(similarity[row, column]))
        for row, column in enumerate(best.tolist())
        if similarity[row, column] >= least
    ]
    return sorted(found, key=lambda pair: -pair[2])
