"""Rows that say the same: exactly once folded, or nearly by their shared character runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.data_engine import daft, over
from tunewell.facts.memo import fact
from tunewell.facts.near.folding import chosen, folded, whole
from tunewell.facts.near.jaccard import similarities
from tunewell.facts.near.lookup import Lookup
from tunewell.facts.near.near_candidates import by_rare_runs, by_signature
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.parts import Texts

EVERY_PAIR_UP_TO = 4_000_000
"""Bytes of text up to which every similar pair is looked for: about a second of work."""

ROWS_AT_ONCE = 50_000
"""Texts given to the engine at a time; it keeps a copy of them while it works."""

MOST_PARTNERS = 8
"""Texts that one text is compared with where not every pair is looked for."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows of all splits, one after the other, by what they say.

    For row r of n: `split[r]` is the number of its split in `Dataset.splits`, `row[r]` its index
    there, `group[r]` the id of its folded text, -1 for rows without text. `texts` is an Arrow array
    of large strings, entry g the folded text of group g: the texts never become Python strings
    unless someone asks for one.
    """

    split: Ints
    row: Ints
    group: Ints
    texts: Any


@fact
def groups(dataset: Dataset) -> Groups:
    """Group the rows of every split by folded text, numbered in order of first appearance."""
    import pyarrow as pa  # noqa: PLC0415  0.15 s that --help need not wait for
    import pyarrow.compute as pc  # noqa: PLC0415

    texts, group = _numbered(
        pa.chunked_array(
            [block for split in dataset.splits for block in folded(split.texts).chunks],
            type=pa.large_string(),
        )
    )
    nothing = pc.index(texts, "").as_py()
    if nothing >= 0:
        group = np.where(group == nothing, -1, group - (group > nothing))
        texts = pa.concat_arrays([texts[:nothing], texts[nothing + 1 :]])
    sizes = [len(split) for split in dataset.splits]
    return Groups(
        split=np.repeat(np.arange(len(sizes)), sizes),
        row=np.concatenate([np.arange(size) for size in sizes]),
        group=group,
        texts=texts,
    )


def _numbered(texts: Any) -> tuple[Any, Ints]:  # noqa: ANN401
    """The distinct texts, in order of first appearance, and the number of each text among them."""
    import pyarrow as pa  # noqa: PLC0415  see groups

    if _size(texts) > EVERY_PAIR_UP_TO:
        functions = daft().functions
        hashed = np.concatenate(
            [
                whole(over(Texts(texts.slice(low, ROWS_AT_ONCE)), functions.hash)).to_numpy()
                for low in range(0, len(texts), ROWS_AT_ONCE)
            ]
        )
        last = Lookup(hashed[::-1]).last[::-1]
        first = len(texts) - 1 - last.astype(np.int64)
        own = first == np.arange(len(texts))
        number = (np.cumsum(own) - 1)[first]
        if own.all():
            return whole(texts), number
        distinct = chosen(texts, own)
        # Different texts of one hash are not to be expected in a million data sets; still the texts
        # decide.
        if distinct.take(pa.array(number[~own])).equals(chosen(texts, ~own)):
            return distinct, number
    encoded = whole(texts).dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy().astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Pairs of groups whose texts share most of their runs.

    `pairs` is int64 of shape (m, 2), smaller id first, and `similarity` their Jaccard similarity,
    shape (m,). Pairs are sorted. `cluster[g]` is the smallest id that group g is joined to by a
    chain of pairs, its own where it has no partner.
    """

    pairs: Ints
    similarity: NDArray[np.float64]
    cluster: Ints


@fact
def near_pairs(dataset: Dataset, threshold: float) -> NearPairs:
    """Pairs of distinct folded texts whose Jaccard similarity is at least `threshold`.

    Up to `EVERY_PAIR_UP_TO` bytes every such pair is looked for. Of more text, each group that has
    a similar one is given with at least one such partner, save a few that the search misses, and
    clusters come out the same; but not every pair of a cluster is listed. Earlier texts are tried
    first, so a row that judges the model meets its likes in the training data, which comes first,
    before those among its own. Each listed pair was compared in full.
    """
    return similar(groups(dataset).texts, threshold)


def similar(texts: Any, threshold: float) -> NearPairs:  # noqa: ANN401
    """Pairs among folded, distinct texts (an Arrow array or a sequence); see `near_pairs`."""
    import pyarrow as pa  # noqa: PLC0415  see groups

    if not isinstance(texts, pa.Array):
        texts = whole(Texts.of(texts).column)
    if len(texts) < 2:  # noqa: PLR2004  a pair
        found = np.empty((0, 2), dtype=np.int64), np.empty(0)
    elif _size(texts) <= EVERY_PAIR_UP_TO:
        pairs = by_rare_runs(texts, threshold)
        pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
        found = _verified(texts, pairs, threshold)
    else:
        found = _joining(texts, threshold)
    pairs, similarity = found
    pairs = np.sort(pairs, axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return NearPairs(pairs[order], similarity[order], clusters(pairs, len(texts)))


def _verified(texts: Any, pairs: Ints, threshold: float) -> tuple[Ints, NDArray[np.float64]]:  # noqa: ANN401
    similarity = similarities(texts, pairs)
    keep = similarity >= threshold
    return pairs[keep], similarity[keep]


def _joining(texts: Any, threshold: float) -> tuple[Ints, NDArray[np.float64]]:  # noqa: ANN401
    """Similar pairs that join the texts into clusters, the likeliest pairs tried first.

    A pair whose texts are in one cluster already would join nothing and is not compared.
    """
    candidates, rank = by_signature(texts)
    found: list[Ints] = [np.empty((0, 2), dtype=np.int64)]
    values: list[NDArray[np.float64]] = [np.empty(0)]
    cluster = np.arange(len(texts))
    for turn in range(MOST_PARTNERS):
        pairs = candidates[rank == turn]
        pairs = pairs[cluster[pairs[:, 0]] != cluster[pairs[:, 1]]]
        if not len(pairs):
            continue
        pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
        kept, similarity = _verified(texts, pairs, threshold)
        found.append(kept)
        values.append(similarity)
        cluster = clusters(np.concatenate(found), len(texts))
    pairs = np.concatenate(found)
    # Two texts may name each other in one turn.
    order = np.sort(pairs, axis=1)
    _, once = np.unique(order[:, 0] * len(texts) + order[:, 1], return_index=True)
    return pairs[once], np.concatenate(values)[once]


def _size(texts: Any) -> int:  # noqa: ANN401
    """Bytes of text."""
    import pyarrow.compute as pc  # noqa: PLC0415  see groups

    return pc.sum(pc.binary_length(texts)).as_py() or 0


def clusters(pairs: Ints, count: int) -> Ints:
    """For each of `count` things the smallest one that a chain of pairs joins it to."""
    from scipy.sparse import coo_array  # noqa: PLC0415  0.1 s that --help need not wait for
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    if not len(pairs):
        return np.arange(count)
    edges = coo_array((np.ones(len(pairs), dtype=bool), pairs.T), shape=(count, count))
    found, label = connected_components(edges, directed=False)
    least: Ints = np.full(found, count)
    least[label[::-1]] = np.arange(count)[::-1]  # the smallest is written last and stays
    smallest: Ints = least[label]
    return smallest
