"""Rows that say what another row says, in other words.

Two texts that tell the same thing share its numbers and its rare words, whatever was reworded. So
a text is known by its word stems, its numbers and its pairs of numbers that follow each other, each
weighted by how rare it is; similarity is the cosine of these weights.

Similarity alone cannot tell a reworded copy from another row on the same topic. A copy has one
partner that stands out: `standing` is similarity less half of what the next rows on either side
reach (the idea of CSLS, Conneau et al. 2018), and more the better the numbers agree. How far rows
stand out that are no copies is measured on the data at hand: training rows of like length from the
same neighbourhood are matched with the other training rows in the same way. The share of them that
stands out as far is the row's p value (a conformal p value; Bates et al. 2023).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.leakage.wording import copied_share, features

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Sparse = Any  # scipy.sparse.csr_matrix, which has no types

NUMBER_WEIGHT = 2.5
"""How much more a number says than a word as rare: a rewording keeps it. This and the next values
were chosen on the reworded GSM8K, all of its rows; no second set of rewordings has confirmed them.
"""

AGREEMENT_WEIGHT = 0.3
"""What full agreement of the numbers adds to `standing`, where none in common adds nothing."""

DOUBT = 1.0
"""Numbers that count as half agreed in every pair: one shared number alone says little."""

COPIED = 0.4
"""Share of three-word runs from which a partner is an edited copy rather than a rewording: 1 % of
the reworded GSM8K rows keep as much, and nearly every twin by template."""

NUMBERS = 2
"""Numbers from which a row is compared with rows that have as many: numbers tell rewordings apart
that words alone do not."""

NEIGHBOURS = 6
"""Partners kept for a row; the last one tells how near rows of the same topic come. So a copy
still stands out where the other side holds five of it."""

MOST_PRODUCTS = 100_000_000
"""Products that one search may take, some 2 s: the most common features are left out of the
search (not of the similarity) where it would take more."""

MOST_MATCHED = 5_000
"""Training rows of a kind that show how far rows stand out that are no copies. The smallest p
value is then 1 in 5,001."""

FEWEST_MATCHED, MATCHED_EACH = 2_000, 8
"""Fewer do where few judged rows are of the kind: 2,000, or 8 for each if that is more."""

LENGTHS = (6, 16, 32)
"""Words and numbers of a text that bound what is compared with each other: a short row stands out
by little. Of rows with fewer than the first nothing is said: people ask short things alike."""

ROWS_AT_ONCE = 256
PAIRS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Partners:
    """For each judged row its nearest known row.

    All of shape (n,): `partner` is its index (-1 where nothing is shared), `similarity` the cosine
    from 0 to 1, `standing` how far it stands out, `copied` whether it is an edited copy rather than
    a rewording, and `p` the share of known rows that stand out as far in the same manner.
    """

    partner: Ints
    similarity: Floats
    standing: Floats
    copied: NDArray[np.bool_]
    p: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Texts as unit rows of weighted features, and the counts of their numbers."""

    texts: Sequence[str]
    rows: Sparse
    numbers: Sparse

    @property
    def kind(self) -> Ints:
        """Rows with like chances to stand out: by their length and whether they hold numbers."""
        counted = np.asarray(self.numbers.sum(axis=1)).reshape(-1) >= NUMBERS
        band: Ints = np.searchsorted(LENGTHS, np.diff(self.rows.indptr), side="right")
        return 2 * band + counted

    def take(self, at: Ints) -> _Side:
        return _Side([self.texts[i] for i in at.tolist()], self.rows[at], self.numbers[at])


def partners(judged: Sequence[str], known: Sequence[str]) -> Partners:
    """The nearest known row of every judged row, and how surprising it is.

    Texts are folded (`facts.folding.fold`), and distinct within and across the two. 10,000
    judged rows against 100,000 known ones take about a minute on one core.
    """
    ours, theirs = _sides(judged, known)
    nearest, similarity = _search(ours.rows, theirs.rows)
    standing, copied = _standing(ours, theirs, nearest, similarity)
    our_kind, their_kind = ours.kind, theirs.kind
    p = np.ones(len(judged))
    for kind in np.unique(our_kind[our_kind > 1]).tolist():
        mine = np.flatnonzero(our_kind == kind)
        at = _matched(nearest[mine], np.flatnonzero(their_kind == kind))
        sample = theirs.take(at)
        near, close = _search(sample.rows, theirs.rows, never=at)
        usual, usual_copied = _standing(sample, theirs, near, close, selves=at)
        # Rewordings are compared with rows whose partner is no edited copy: data that holds edited
        # copies of its own would hide every rewording behind them.
        p[mine] = np.where(
            copied[mine],
            _share_above(usual, standing[mine]),
            _share_above(usual[~usual_copied], standing[mine]),
        )
    return Partners(nearest[:, 0], similarity[:, 0], standing, copied, p)


def _share_above(usual: Floats, values: Floats) -> Floats:
    """The share of `usual` that is at least each value, each value itself counted in."""
    below = np.searchsorted(np.sort(usual), values, side="left")
    return (1 + len(usual) - below) / (1 + len(usual))


def _sides(judged: Sequence[str], known: Sequence[str]) -> tuple[_Side, _Side]:
    from scipy import sparse  # noqa: PLC0415  0.1 s to import

    ids: dict[str, int] = {}
    read = [(texts, *_read(texts, ids)) for texts in (judged, known)]
    seen = sum(np.bincount(columns, minlength=len(ids)) for _, _, columns, _ in read)
    weight = np.log((len(judged) + len(known) + 1) / np.maximum(seen, 1))
    numbers = np.array([name[0] == "#" != name[1:2] for name in ids], dtype=bool)
    weight[numbers] *= NUMBER_WEIGHT
    sides = []
    for texts, starts, columns, counts in read:
        shape = (len(texts), len(ids))
        values = (1 + np.log(counts)) * weight[columns]
        owner = np.repeat(np.arange(len(texts)), np.diff(starts))
        length = np.sqrt(np.bincount(owner, values**2, minlength=len(texts)))
        values = (values / np.maximum(length, 1e-9)[owner]).astype(np.float32)
        counted = sparse.csr_matrix((counts.astype(np.float32), columns, starts), shape)
        rows = sparse.csr_matrix((values, columns, starts), shape)
        sides.append(_Side(texts, rows, counted[:, np.flatnonzero(numbers)]))
    return sides[0], sides[1]


def _read(texts: Sequence[str], ids: dict[str, int]) -> tuple[Ints, Ints, Ints]:
    """Where each text's features start, their columns (new ones join `ids`) and their counts."""
    starts, columns, counts = array("q", [0]), array("q"), array("q")
    for text in texts:
        for name, count in features(text).items():
            columns.append(ids.setdefault(name, len(ids)))
            counts.append(count)
        starts.append(len(columns))
    return np.array(starts), np.array(columns), np.array(counts)


def _search(queries: Sparse, rows: Sparse, *, never: Ints | None = None) -> tuple[Ints, Floats]:
    """The `NEIGHBOURS` nearest rows of each query, nearest first: indices and cosines.

    -1 and 0 where fewer share anything. `never[q]` is a row that query q must not meet: itself.
    """
    kept = _searched(queries, rows)
    part, other = queries[:, kept], rows[:, kept].T.tocsr()
    found = np.full((queries.shape[0], 2 * NEIGHBOURS + 1), -1, dtype=np.int64)
    for low in range(0, queries.shape[0], ROWS_AT_ONCE):
        block = part[low : low + ROWS_AT_ONCE] @ other
        for at in range(block.shape[0]):
            span = slice(block.indptr[at], block.indptr[at + 1])
            columns = block.indices[span]
            if len(columns) > found.shape[1]:
                columns = columns[
                    np.argpartition(-block.data[span], found.shape[1])[: found.shape[1]]
                ]
            found[low + at, : len(columns)] = columns
    if never is not None:
        found[found == never[:, None]] = -1
    query = np.repeat(np.arange(len(found)), found.shape[1])
    cosine = np.zeros(found.size)
    for low in range(0, found.size, PAIRS_AT_ONCE):
        span = slice(low, low + PAIRS_AT_ONCE)
        shared = queries[query[span]].multiply(rows[found.reshape(-1)[span]])
        cosine[span] = np.asarray(shared.sum(axis=1)).reshape(-1)
    cosine = np.where(found < 0, 0.0, cosine.reshape(found.shape))
    # The index settles ties, so that the answer never depends on the order of the search.
    order = np.lexsort((found, -cosine), axis=1)[:, :NEIGHBOURS]
    return np.take_along_axis(found, order, 1), np.take_along_axis(cosine, order, 1)


def _searched(queries: Sparse, rows: Sparse) -> Ints:
    """Columns to search by: the rarest, as many as `MOST_PRODUCTS` allows."""
    columns = queries.shape[1]
    mine = np.bincount(queries.indices, minlength=columns)
    seen = np.bincount(rows.indices, minlength=columns)
    order = np.argsort(seen, kind="stable")
    return np.sort(order[np.cumsum((mine * seen)[order]) <= MOST_PRODUCTS])


def _standing(
    ours: _Side, theirs: _Side, nearest: Ints, similarity: Floats, *, selves: Ints | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """How far the nearest row stands out, and whether it is an edited copy.

    `selves` are the places of `ours` among `theirs` where both are the same rows.
    """
    partner = nearest[:, 0]
    met = theirs.take(np.maximum(partner, 0))
    back, close = _search(met.rows, ours.rows)
    own = back == np.arange(len(partner))[:, None]
    if selves is not None:
        own |= (back >= 0) & (selves[back] == partner[:, None])
    close = -np.sort(-np.where(own, 0.0, close), axis=1)
    beside = (similarity[:, -1] + close[:, -2]) / 2
    shared = np.asarray(ours.numbers.minimum(met.numbers).sum(axis=1)).reshape(-1)
    either = sum(np.asarray(s.numbers.sum(axis=1)).reshape(-1) for s in (ours, met)) - shared
    agreement = (shared + DOUBT / 2) / (either + DOUBT)
    standing = similarity[:, 0] - 0.5 * beside + AGREEMENT_WEIGHT * agreement
    copied = np.array(
        [copied_share(a, b) > COPIED for a, b in zip(ours.texts, met.texts, strict=True)],
        dtype=bool,
    )
    return np.where(partner < 0, -1.0, standing), copied & (partner >= 0)


def _matched(nearest: Ints, allowed: Ints) -> Ints:
    """Allowed known rows that lie where the judged ones lie, filled up with others.

    They are the neighbours of each but the nearest two, which may be copies.
    """
    rows = np.intersect1d(nearest[:, 2:], allowed)
    rng = np.random.default_rng(0)
    wanted = min(len(allowed), MOST_MATCHED, max(FEWEST_MATCHED, MATCHED_EACH * len(nearest)))
    if len(rows) < wanted:
        rest = np.setdiff1d(allowed, rows)
        rows = np.union1d(rows, rng.choice(rest, wanted - len(rows), replace=False))
    return np.sort(rng.choice(rows, wanted, replace=False))
