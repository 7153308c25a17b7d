"""Long runs of words that texts share: what passages of one document have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

RUN = 13
"""Words in a run. Texts of different origin hardly ever share so many in a row; decontamination of
benchmarks has used it since Brown et al. 2020."""

SHORTEST = 10
"""Words of a text below which it is never looked for: of 8 words ("I need to know what time it
is") it stands in another one of its own meaning too often."""

MOST_HOLDERS = 10
"""Texts of one side that may hold a run. What stands in more is a template or boilerplate and no
passage (Brown et al. 2020 set the same bound)."""

TEMPLATE_RUN = 6
TEMPLATE_SHARE = 0.02
"""A run of 6 words in more than 2 % of the judged texts (and in more than `MOST_HOLDERS`) is of a
template too: a short one would otherwise make long runs with the words that follow it."""

MOST_WORDS = 2_000
"""Words of a judged text that are looked at, from its beginning; of known texts all are."""

TEXTS_AT_ONCE = 2_000
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class SharedRuns:
    """Which judged text shares runs with which known text.

    `pairs`, int64 of shape (m, 2), are their indices, judged first, sorted. `partner`, shape (n,),
    is for each judged text the known text that holds most of its runs, -1 where none does, and
    `covered` the share of its words, 0 to 1 and templates apart, that stand in a run shared with
    any known text.
    """

    pairs: Ints
    partner: Ints
    covered: NDArray[np.float64]


def shared_runs(judged: Sequence[str], known: Sequence[str], *, shortest: int = RUN) -> SharedRuns:
    """Runs of `RUN` words in both; texts are folded and distinct within each side.

    A judged text of at least `shortest` words and fewer than `RUN` is a run as a whole.
    Words are what stands between blanks: scripts without blanks give no runs. Time and memory grow
    with the length of the texts and not with the number of pairs.
    """
    vocabulary: dict[str, int] = {}
    words = [
        [vocabulary.setdefault(word, len(vocabulary) + 1) for word in _words(text)]
        for text in judged
    ]
    sizes = np.array([len(row) for row in words], dtype=np.int64)
    lengths = np.where(sizes < shortest, 0, np.minimum(sizes, RUN))
    starts = np.cumsum(sizes) - sizes
    mine: dict[int, tuple[Keys, Ints, Ints]] = {}
    for length in np.unique(lengths[lengths > 0]).tolist():
        at = np.flatnonzero(lengths == length)
        keys, owner, place = _runs([words[i] for i in at.tolist()], length)
        mine[length] = keys, at[owner], starts[at[owner]] + place
    wanted = {length: np.unique(keys) for length, (keys, _, _) in mine.items()}
    theirs = _holders(wanted, known, vocabulary)
    template = _template(words, mine, theirs)
    met = [np.empty((0, 2), np.int64)]
    inside = np.zeros(len(template), dtype=bool)
    for length, (keys, owner, place) in mine.items():
        own = ~_touched(template, place, length)
        hit = own & np.isin(keys, theirs[length][0])
        inside |= _marked(place[hit], length, len(template))
        met.append(_met(keys[hit], owner[hit], *theirs[length]))
    pairs, shared = np.unique(np.concatenate(met), axis=0, return_counts=True)
    partner = np.full(len(judged), -1, dtype=np.int64)
    best = np.lexsort(
        (-pairs[:, 1], shared, pairs[:, 0])
    )  # the most runs last, the first of equals
    partner[pairs[best, 0]] = pairs[best, 1]
    text_of_word = np.repeat(np.arange(len(judged)), sizes)
    of_own = np.bincount(text_of_word, ~template, minlength=len(judged))
    shared_words = np.bincount(text_of_word, inside, minlength=len(judged))
    return SharedRuns(pairs, partner, shared_words / np.maximum(of_own, 1))


def _words(text: str) -> list[str]:
    return text.split(maxsplit=MOST_WORDS)[:MOST_WORDS]


def _template(
    words: Sequence[Sequence[int]],
    mine: Mapping[int, tuple[Keys, Ints, Ints]],
    theirs: Mapping[int, tuple[Keys, Ints]],
) -> NDArray[np.bool_]:
    """For every word of the judged texts, one after the other, whether it is of a template."""
    sizes = np.array([len(row) for row in words], dtype=np.int64)
    keys, owner, place = _runs(words, TEMPLATE_RUN)
    most = max(MOST_HOLDERS, int(TEMPLATE_SHARE * len(words)))
    starts = np.cumsum(sizes) - sizes
    common = _among(keys, _held_by_more(keys, owner, most))
    template = _marked((starts[owner] + place)[common], TEMPLATE_RUN, int(sizes.sum()))
    for length, (ours, holder, at) in mine.items():
        of_many = np.concatenate(
            [
                _held_by_more(ours, holder, MOST_HOLDERS),
                _held_by_more(*theirs[length], MOST_HOLDERS),
            ]
        )
        template |= _marked(at[np.isin(ours, of_many)], length, len(template))
    return template


def _among(keys: Keys, ordered: Keys) -> NDArray[np.bool_]:
    """Which keys are among the ordered ones."""
    if not len(ordered):
        return np.zeros(len(keys), dtype=bool)
    at = np.searchsorted(ordered, keys)
    found: NDArray[np.bool_] = ordered[np.minimum(at, len(ordered) - 1)] == keys
    return found


def _marked(place: Ints, length: int, words: int) -> NDArray[np.bool_]:
    """Which of so many words stand in a run of `length` words that begins at one of the places."""
    change = np.bincount(place, minlength=words + 1) - np.bincount(
        place + length, minlength=words + 1
    )
    return np.cumsum(change)[:words] > 0


def _touched(template: NDArray[np.bool_], place: Ints, length: int) -> NDArray[np.bool_]:
    """Whether the run of `length` words at each place has a word of a template."""
    before = np.concatenate(([0], np.cumsum(template)))
    return before[place + length] > before[place]


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


def _held_by_more(keys: Keys, owner: Ints, most: int) -> Keys:
    """The runs that more than `most` texts hold; `owner` never goes down."""
    if not len(keys):
        return keys
    order = np.argsort(keys, kind="stable")
    keys, owner = keys[order], owner[order]
    other_key = np.concatenate(([True], keys[1:] != keys[:-1]))
    other_owner = np.concatenate(([True], owner[1:] != owner[:-1]))
    first = np.flatnonzero(other_key)
    return keys[first][np.add.reduceat((other_key | other_owner).astype(np.int64), first) > most]


def _holders(
    wanted: Mapping[int, Keys], known: Sequence[str], vocabulary: Mapping[str, int]
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
            hit = _among(theirs, keys)
            found[length].append((theirs[hit], owner[hit] + low))
    empty = (np.empty(0, np.uint64), np.empty(0, np.int64))
    return {
        length: (
            np.concatenate([empty[0], *(keys for keys, _ in parts)]),
            np.concatenate([empty[1], *(owner for _, owner in parts)]),
        )
        for length, parts in found.items()
    }


def _met(keys: Keys, owner: Ints, theirs: Keys, holder: Ints) -> Ints:
    """The pair (owner, holder) of every run that both hold."""
    order = np.argsort(theirs, kind="stable")
    theirs, holder = theirs[order], holder[order]
    low, high = np.searchsorted(theirs, keys, "left"), np.searchsorted(theirs, keys, "right")
    times = high - low
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.stack([np.repeat(owner, times), holder[np.repeat(low, times) + within]], axis=1)
