"""Rows that say the same: exactly once folded, or nearly by their shared character runs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Dataset

SHINGLE = 5
"""Characters in a run. Shorter ones are shared by unrelated texts, longer ones miss small edits."""

MOST_NEIGHBOURS = 64
"""Rows that one rare run may bring together, each way: bounds the work on text made by template."""

MOST_RUNS = 256
"""Runs a text, on average, above which they are sampled (Broder 1997): about 128 then estimate a
similarity of 0.8 within 0.035, one standard error."""

MOST_CANDIDATES = 3_000_000
"""Pairs looked at in all. Long texts of few words share so many runs that only this ends in time;
texts that are truly similar share many rare runs and meet in the first neighbours of one of them.
"""

PUNCTUATION = re.compile(r"[\"'`´‘’“”…!?;,.:¿¡]+(?!\d)|(?<!\d)[\"'`´‘’“”…!?;,.:¿¡]+")  # noqa: RUF001
SPACE = re.compile(r"\s+")
DASH = re.compile(r"[-\u2010-\u2015/](?!\d)")
HASH_BITS = 34
RUN_BITS = HASH_BITS + 6
"""A run is known by 34 bits of its hash behind 6 for its frequency; 23 are left for the text."""

BITS = 512
BITS_SET = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)
TEXTS_AT_ONCE = 50_000
PAIRS_AT_ONCE = 200_000
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Ints = NDArray[np.int64]


def fold(text: str) -> str:
    """Text without case, width, punctuation marks and extra white space.

    Marks between digits stay ("1.50" is not "150"), and so do symbols that carry meaning on their
    own (currency, plus, brackets of emoticons). A text of punctuation alone stays as it is.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    plain = plain.casefold()
    folded = SPACE.sub(" ", PUNCTUATION.sub("", DASH.sub(" ", plain))).strip()
    return folded or SPACE.sub(" ", plain).strip()


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows of all splits, one after the other, by what they say.

    For row r of n: `split[r]` is the number of its split in `Dataset.splits`, `row[r]` its index
    there, `group[r]` the id of its folded text, -1 for rows without text. `texts[g]` is the folded
    text of group g.
    """

    split: Ints
    row: Ints
    group: Ints
    texts: tuple[str, ...]


@fact
def groups(dataset: Dataset) -> Groups:
    """Group the rows of every split by folded text."""
    ids: dict[str, int] = {}
    group: list[int] = []
    for split in dataset.splits:
        for text in split.texts:
            folded = fold(text)
            group.append(ids.setdefault(folded, len(ids)) if folded else -1)
    sizes = [len(split) for split in dataset.splits]
    return Groups(
        split=np.repeat(np.arange(len(sizes)), sizes),
        row=np.concatenate([np.arange(size) for size in sizes]),
        group=np.array(group, dtype=np.int64),
        texts=tuple(ids),
    )


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Pairs of groups whose texts share most of their runs.

    `pairs` is int64 of shape (m, 2), smaller id first, and `similarity` their Jaccard similarity,
    shape (m,). Pairs are sorted.
    """

    pairs: Ints
    similarity: NDArray[np.float64]


@fact
def near_pairs(dataset: Dataset, threshold: float) -> NearPairs:
    """Pairs of distinct folded texts whose Jaccard similarity is at least `threshold`.

    Short texts are compared in full: two sets of sizes a <= b with similarity t must share a run
    among the rarest a - ceil(t a) + 1 of each (prefix filtering; Bayardo, Ma and Srikant 2007), so
    only texts that share one are compared. Three bounds keep the time in hand. Long texts are known
    by a sample of their runs (`MOST_RUNS`). A run that many texts have among their rarest is
    followed to `MOST_NEIGHBOURS` texts of similar size. And at most `MOST_CANDIDATES` pairs are
    met, nearer neighbours first.
    """
    return similar(groups(dataset).texts, threshold)


def similar(texts: tuple[str, ...], threshold: float) -> NearPairs:
    """Pairs among folded, distinct texts; see `near_pairs`."""
    owner, run = _runs(texts)
    if not len(owner):
        return NearPairs(np.empty((0, 2), np.int64), np.empty(0))
    sizes = np.bincount(owner, minlength=len(texts))
    candidates = _candidates(owner, run, sizes, threshold)
    candidates = candidates[_possible(owner, run, sizes, candidates, threshold)]
    shared = _shared(owner, run, sizes, candidates)
    union = sizes[candidates[:, 0]] + sizes[candidates[:, 1]] - shared
    similarity = shared / np.maximum(union, 1)
    keep = similarity >= threshold
    return NearPairs(candidates[keep], similarity[keep])


def _runs(texts: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Each text's set of runs, as rows (text, run id) sorted by text, then from rare to common."""
    # A space at each end lets a word at the border differ from one inside.
    lengths = np.array([len(text) + 2 for text in texts], dtype=np.int64)
    if not len(texts) or lengths.sum() < SHINGLE:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    joined = "".join(f" {text} " for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(texts)), lengths)
    count = len(codes) - SHINGLE + 1
    mixed = np.zeros(count, dtype=np.uint64)
    for offset in range(SHINGLE):
        mixed = (mixed + codes[offset : offset + count].astype(np.uint64)) * MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    inside = owner[:count] == owner[SHINGLE - 1 :]
    owner, hashed = owner[:count][inside], (mixed[inside] >> np.uint64(64 - HASH_BITS)).astype(int)
    mean = len(owner) // len(texts)
    if mean > MOST_RUNS:
        # Of long texts a fixed share of the runs, the same ones everywhere, tells as much.
        sampled = hashed % -(-2 * mean // MOST_RUNS) == 0
        owner, hashed = owner[sampled], hashed[sampled]
    if not len(owner):
        return owner, hashed
    # The id of a run begins with how common it is, so that one sort brings rare runs to the front.
    bucket = hashed & (2**20 - 1)
    common = np.bincount(bucket, minlength=2**20)
    scale = np.frexp(common.astype(np.float64))[1].astype(np.int64)
    run = (scale[bucket] << HASH_BITS) | hashed
    key = np.sort((owner << RUN_BITS) | run)
    key = key[np.concatenate(([True], key[1:] != key[:-1]))]
    return key >> RUN_BITS, key & (2**RUN_BITS - 1)


def _candidates(owner: Ints, run: Ints, sizes: Ints, threshold: float) -> Ints:
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    prefix = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + 1
    rare = np.arange(len(owner)) - starts[owner] < prefix[owner]
    owner, run = owner[rare], run[rare]
    order = np.lexsort((owner, sizes[owner], run))
    owner, run = owner[order], run[order]
    found: list[Ints] = []
    total = 0
    at = np.arange(len(owner))
    for shift in range(1, MOST_NEIGHBOURS + 1):
        at = at[at + shift < len(owner)]
        # Rows of a run are sorted by size: once one is too long, so is every later one.
        at = at[
            (run[at] == run[at + shift])
            & (sizes[owner[at]] >= threshold * sizes[owner[at + shift]])
        ]
        total += len(at)
        if not len(at) or (found and total > MOST_CANDIDATES):
            break
        one, other = owner[at], owner[at + shift]
        found.append(np.minimum(one, other) * len(sizes) + np.maximum(one, other))
    if not found:
        return np.empty((0, 2), np.int64)
    return np.stack(np.divmod(np.unique(np.concatenate(found)), len(sizes)), axis=1)


def _possible(
    owner: Ints, run: Ints, sizes: Ints, pairs: Ints, threshold: float
) -> NDArray[np.bool_]:
    """Whether a pair can still be similar enough, by a bit map of each text's runs.

    A text's `size - bits set` runs fell onto a bit that was set already. So two texts share at most
    the bits that both have, plus the smaller of these two losses: nothing similar is thrown out.
    """
    texts = len(sizes)
    bits = np.empty((texts, BITS // 8), dtype=np.uint8)
    starts = np.searchsorted(owner, np.arange(0, texts + TEXTS_AT_ONCE, TEXTS_AT_ONCE))
    for part, low in enumerate(range(0, texts, TEXTS_AT_ONCE)):
        inside = slice(starts[part], starts[part + 1])
        grid = np.zeros((min(TEXTS_AT_ONCE, texts - low), BITS), dtype=bool)
        grid[owner[inside] - low, run[inside] % BITS] = True
        bits[low : low + TEXTS_AT_ONCE] = np.packbits(grid, axis=1)
    lost = sizes - BITS_SET[bits].sum(axis=1, dtype=np.int64)
    possible = np.empty(len(pairs), dtype=bool)
    for low in range(0, len(pairs), PAIRS_AT_ONCE):
        one, other = pairs[low : low + PAIRS_AT_ONCE].T
        most = BITS_SET[bits[one] & bits[other]].sum(axis=1, dtype=np.int64) + np.minimum(
            lost[one], lost[other]
        )
        # Jaccard similarity t of sizes a and b takes t (a + b) / (1 + t) shared runs.
        needed = threshold / (1 + threshold) * (sizes[one] + sizes[other])
        possible[low : low + PAIRS_AT_ONCE] = most >= needed - 1e-9
    return possible


def _shared(owner: Ints, run: Ints, sizes: Ints, pairs: Ints) -> Ints:
    """How many runs the texts of each pair share."""
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    keys = (owner << RUN_BITS) | run
    counts = np.zeros(len(pairs), dtype=np.int64)
    # In slices, so that memory stays bounded however many candidates there are.
    step = max(1, 4_000_000 // max(1, int(sizes.max(initial=1))))
    for low in range(0, len(pairs), step):
        one, other = pairs[low : low + step].T
        length = sizes[one]
        pair = np.repeat(np.arange(len(one)), length)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(length) - length, length)
        wanted = (other[pair] << RUN_BITS) | run[starts[one][pair] + within]
        place = np.searchsorted(keys, wanted)
        hit = keys[np.minimum(place, len(keys) - 1)] == wanted
        counts[low : low + step] = np.bincount(pair[hit], minlength=len(one))
    return counts
