"""Long runs of words that texts share: what passages of one document have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

RUN = 13
"""Words in a run. Texts of different origin hardly ever share so many in a row; decontamination of
benchmarks has used it since Brown et al. 2020."""

SHORTEST = 8
"""Words of a text below which it is not looked for; one of 8 to 12 words is a run as a whole."""

MOST_HOLDERS = 10
"""Texts of one side that may hold a run. What stands in more is a template or boilerplate and no
passage (Brown et al. 2020 set the same bound)."""

TEXTS_AT_ONCE = 5_000
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class SharedRuns:
    """Which judged text shares runs with which known text.

    `pairs`, int64 of shape (m, 2), are their indices, judged first, sorted. `partner`, shape (n,),
    is for each judged text the known text that holds most of its runs, -1 where none does, and
    `covered` the share of its words, 0 to 1, that stand in a run shared with any known text.
    """

    pairs: Ints
    partner: Ints
    covered: NDArray[np.float64]


def shared_runs(judged: Sequence[str], known: Sequence[str]) -> SharedRuns:
    """Runs of `RUN` words in both; texts are folded and distinct within each side.

    Words are what stands between blanks: scripts without blanks give no runs. Time and memory grow
    with the length of the texts and not with the number of pairs.
    """
    vocabulary: dict[str, int] = {}
    words = [
        [vocabulary.setdefault(word, len(vocabulary) + 1) for word in text.split()]
        for text in judged
    ]
    sizes = np.array([len(row) for row in words], dtype=np.int64)
    lengths = np.where(sizes < SHORTEST, 0, np.minimum(sizes, RUN))
    covered = np.zeros(len(judged))
    mine: dict[int, tuple[Keys, Ints, Ints]] = {}
    for length in np.unique(lengths[lengths > 0]).tolist():
        at = np.flatnonzero(lengths == length)
        keys, owner, place = _runs([words[i] for i in at.tolist()], length)
        mine[length] = _held_by_few(keys, at[owner], place)
    wanted = {length: np.unique(keys) for length, (keys, _, _) in mine.items()}
    found = _holders(wanted, known, vocabulary)
    met = [np.empty((0, 2), np.int64)]
    for length, (keys, owner, place) in mine.items():
        theirs, holder = found[length]
        theirs, holder, _ = _held_by_few(theirs, holder, holder)
        hit = np.isin(keys, theirs)
        _cover(covered, sizes, owner[hit], place[hit], length)
        met.append(_met(keys[hit], owner[hit], theirs, holder))
    pairs, shared = np.unique(np.concatenate(met), axis=0, return_counts=True)
    partner = np.full(len(judged), -1, dtype=np.int64)
    best = np.lexsort(
        (-pairs[:, 1], shared, pairs[:, 0])
    )  # the most runs last, the first of equals
    partner[pairs[best, 0]] = pairs[best, 1]
    return SharedRuns(pairs, partner, covered)


def _runs(rows: Sequence[Sequence[int]], length: int) -> tuple[Keys, Ints, Ints]:
    """The key of every run of `length` words, the row it is in and its place there."""
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    codes = np.fromiter((word for row in rows for word in row), np.uint64, int(sizes.sum()))
    count = max(0, len(codes) - length + 1)
    keys = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        keys = (keys + codes[offset : offset + count]) * MULTIPLIER
        keys ^= keys >> np.uint64(29)
    owner = np.repeat(np.arange(len(rows)), sizes)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    inside = owner[:count] == owner[length - 1 :]
    return keys[inside], owner[:count][inside], place[:count][inside]


def _held_by_few(keys: Keys, owner: Ints, place: Ints) -> tuple[Keys, Ints, Ints]:
    """Without the runs that more than `MOST_HOLDERS` texts hold."""
    pairs = np.unique(np.stack([keys, owner.astype(np.uint64)], axis=1), axis=0)
    distinct, holders = np.unique(pairs[:, 0], return_counts=True)
    few = ~np.isin(keys, distinct[holders > MOST_HOLDERS])
    return keys[few], owner[few], place[few]


def _holders(
    wanted: dict[int, Keys], known: Sequence[str], vocabulary: dict[str, int]
) -> dict[int, tuple[Keys, Ints]]:
    """For each length the wanted runs that known texts hold, and the text that holds each."""
    found: dict[int, list[tuple[Keys, Ints]]] = {length: [] for length in wanted}
    for low in range(0, len(known), TEXTS_AT_ONCE):
        # A word that no judged text holds is 0, which is in none of the wanted runs.
        rows = [
            [vocabulary.get(word, 0) for word in text.split()]
            for text in known[low : low + TEXTS_AT_ONCE]
        ]
        for length, keys in wanted.items():
            theirs, owner, _ = _runs(rows, length)
            hit = np.isin(theirs, keys)
            found[length].append((theirs[hit], owner[hit] + low))
    empty = (np.empty(0, np.uint64), np.empty(0, np.int64))
    return {
        length: (
            np.concatenate([empty[0], *(keys for keys, _ in parts)]),
            np.concatenate([empty[1], *(owner for _, owner in parts)]),
        )
        for length, parts in found.items()
    }


def _cover(
    covered: NDArray[np.float64], sizes: Ints, owner: Ints, place: Ints, length: int
) -> None:
    """Add the share of words that stand in the given runs, which come in order of their place."""
    if not len(owner):
        return
    following = np.append(np.diff(place), length)
    same = np.append(np.diff(owner) == 0, False)
    new = np.where(same, np.minimum(following, length), length)
    counted = np.bincount(owner, new, minlength=len(covered))
    covered += counted / np.maximum(sizes, 1)


def _met(keys: Keys, owner: Ints, theirs: Keys, holder: Ints) -> Ints:
    """The pair (owner, holder) of every run that both hold."""
    order = np.argsort(theirs, kind="stable")
    theirs, holder = theirs[order], holder[order]
    low, high = np.searchsorted(theirs, keys, "left"), np.searchsorted(theirs, keys, "right")
    times = high - low
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.stack([np.repeat(owner, times), holder[np.repeat(low, times) + within]], axis=1)
