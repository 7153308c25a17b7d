"""Rows that judge a model beside the rows that it learns from, by what they ask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.leakage.paraphrase import partners
from tunewell.facts.memo import fact
from tunewell.facts.near.folding import fold
from tunewell.facts.parts import questions
from tunewell.stats.multiple import benjamini_hochberg
from tunewell.subjects.dataset import Split

Ints = NDArray[np.int64]

FEWEST_KNOWN = 200
"""Distinct training rows below which they cannot show how far unrelated rows stand out."""


TYPICAL_ACCURACY = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """Texts by what they say: `of_row[r]` is the index of row r's folded text, -1 where empty.

    `first[i]` is the first row with folded text i.
    """

    texts: tuple[str, ...]
    of_row: Ints
    first: Ints


def distinct(texts: Sequence[str]) -> Distinct:
    """The distinct folded texts, in order of first occurrence."""
    ids: dict[str, int] = {}
    of_row = np.full(len(texts), -1, dtype=np.int64)
    first: list[int] = []
    for row, text in enumerate(texts):
        folded = fold(text)
        if folded:
            of_row[row] = known = ids.setdefault(folded, len(ids))
            if known == len(first):
                first.append(row)
    return Distinct(tuple(ids), of_row, np.array(first, dtype=np.int64))


@fact
def asked(split: Split) -> Distinct:
    """What the rows of a split ask: the text, the pair, or all that a user says."""
    return distinct(questions(split))


@fact
def whole(split: Split) -> Distinct:
    """The whole rows of a split, answers included."""
    return asked(split) if questions(split) is split.texts else distinct(split.texts)


def sampling_error(rows: int) -> float:
    """Half the 95 % interval of an accuracy of 0.9 on so many rows."""
    return 1.96 * math.sqrt(TYPICAL_ACCURACY * (1 - TYPICAL_ACCURACY) / max(rows, 1))


def bends_score(share: float, rows: int, *, least: float) -> bool:
    """Whether a leak of this share of the rows can change what their score says.

    It can where it is above `least` and above the score's own sampling error.
    """
    return share > max(least, sampling_error(rows))


@dataclass(frozen=True, slots=True, eq=False)
class Reworded:
    """Judged rows that a training row says in other words, by p value.

    Of shape (n,): `row` of the judged rows, `partner` the training row, `similarity` from 0 to 1.
    """

    row: Ints
    partner: Ints
    similarity: NDArray[np.float64]


def reworded(
    judged: Distinct,
    known: Distinct,
    *,
    false_alarms: float = 0.01,
    false_share: float = 0.05,
    fewest: int = 3,
) -> Reworded:
    """Rows of `judged` that stand out from what training rows show among themselves.

    At most `false_alarms` of the rows without a copy are named, and about `false_share` of the
    named rows; none where they are fewer than `fewest`. Texts equal once folded are left out.
    """
    trained = set(known.texts)
    at = np.array([i for i, text in enumerate(judged.texts) if text not in trained], dtype=np.int64)
    nothing = np.empty(0, np.int64)
    if not len(at) or len(known.texts) < FEWEST_KNOWN:
        return Reworded(nothing, nothing, np.empty(0))
    found = partners([judged.texts[i] for i in at.tolist()], known.texts)
    named = (found.p <= false_alarms) & (benjamini_hochberg(found.p) <= false_share)
    place = np.full(len(judged.texts), -1, dtype=np.int64)
    place[at[named]] = np.flatnonzero(named)
    of_row = np.where(judged.of_row < 0, -1, place[judged.of_row])
    rows = np.flatnonzero(of_row >= 0)
    rows = rows[np.argsort(found.p[of_row[rows]], kind="stable")]
    if len(rows) < fewest:
        rows = rows[:0]
    chosen = of_row[rows]
    return Reworded(rows, known.first[found.partner[chosen]], found.similarity[chosen])
