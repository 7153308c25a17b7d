"""How near the nearest training row is, for rows that judge and for training rows themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.facts.near.text_overlap import WORD
from tunewell.facts.parts import questions
from tunewell.subjects.dataset import Dataset

MOST_JUDGED = 1000
MOST_KNOWN = 10_000
"""Rows that are compared; above, a random part is. 1,000 against 10,000 take about half a second.
"""

LONGEST = 2000
"""Characters of a text that are looked at, from its beginning."""

BUCKETS = 2**18
AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """Cosine similarity, 0 to 1, to the nearest of the same known training rows.

    `rows` are the judging rows that were looked at, `judged` their similarities, `partner` the
    training row that is nearest; `usual` has the similarities of a sample of training rows to the
    nearest other one.
    """

    rows: NDArray[np.int64]
    judged: NDArray[np.float64]
    partner: NDArray[np.int64]
    usual: NDArray[np.float64]


@fact
def nearness(dataset: Dataset, number: int) -> Nearness:
    """Compare the rows of split `number` of `Dataset.splits` with training rows by their words.

    Words are weighted by how rare they are. What training rows have among themselves, each left out
    in turn, is what rows from the same source would have.
    """
    from sklearn.feature_extraction.text import (  # noqa: PLC0415  takes 1.7 s to import
        HashingVectorizer,
        TfidfTransformer,
    )

    rng = np.random.default_rng(0)
    train, split = dataset.train, dataset.splits[number]
    known = _some(len(train), MOST_KNOWN, rng)
    rows = _some(len(split), MOST_JUDGED, rng)
    sample = _some(len(known), MOST_JUDGED, rng)
    texts = [questions(train)[row][:LONGEST] for row in known.tolist()]
    texts += [questions(split)[row][:LONGEST] for row in rows.tolist()]
    counts = HashingVectorizer(
        n_features=BUCKETS,
        alternate_sign=False,
        token_pattern=WORD.pattern,
        dtype=np.float32,
    ).transform(texts)
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts).tocsr()
    theirs, ours = weighted[: len(known)], weighted[len(known) :]
    judged, at = _nearest(ours, theirs, None)
    usual, _ = _nearest(theirs[sample], theirs, sample)
    return Nearness(rows, judged, known[at], usual)


def _some(size: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """All places, or `most` of them at random, in order."""
    if size <= most:
        return np.arange(size)
    return np.sort(rng.choice(size, most, replace=False))


def _nearest(
    queries: Any,  # noqa: ANN401  scipy's sparse matrices have no types
    rows: Any,  # noqa: ANN401  as above
    selves: NDArray[np.int64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Similarity and place of the nearest row; `selves[q]` is the row that query q itself is."""
    turned = rows.T.tocsr()
    best = np.zeros(queries.shape[0])
    place = np.zeros(queries.shape[0], dtype=np.int64)
    for low in range(0, queries.shape[0], AT_ONCE):
        block = (queries[low : low + AT_ONCE] @ turned).toarray()
        lines = np.arange(len(block))
        if selves is not None:
            block[lines, selves[low : low + AT_ONCE]] = -1.0
        place[low : low + AT_ONCE] = block.argmax(axis=1)
        best[low : low + AT_ONCE] = np.maximum(block[lines, place[low : low + AT_ONCE]], 0.0)
    return best, place
