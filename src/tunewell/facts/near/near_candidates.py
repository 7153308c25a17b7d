"""Pairs of texts that may be nearly the same, found without comparing all with all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.data_engine import daft, over
from tunewell.facts.near.jaccard import runs
from tunewell.facts.near.lookup import Lookup
from tunewell.subjects.parts import Texts

MOST_NEIGHBOURS = 64
"""Texts that one rare run may bring together, each way: bounds the work on templated text."""

MOST_CANDIDATES = 3_000_000
"""Pairs that rare runs may give in all, nearer neighbours first."""

COMPARED = 8
SOME_TEXT = 2**22
"""Bytes of the pairs that are given, at most: `COMPARED` times the text, and at least `SOME_TEXT`.
The pairs that share most of their rare runs come first; on BANKING77, CLINC150 and GoEmotions,
where all that share one are 19 to 38 times the text, every similar pair is among them."""

HASH_BITS = 34
SHORT_BITS = HASH_BITS + 6
"""Here a run is known by 34 bits of its hash behind 6 for its frequency; 23 are for the text."""

HASHES = 40
BAND = 4
"""40 hashes in 10 bands of 4: two texts that share 0.7 of their word pairs meet in at least one
band with a chance of 0.94, 0.8 with 0.995, and two that share 0.1 with 0.001."""

SHORT = 100
"""Below so many bytes a text, on average, single characters are hashed and not words: one word more
or less changes most of the word pairs of a short message."""

WORDS = 2
RUN = 5
"""Words, or characters, that are hashed together."""

MIX = np.uint64(0x9E3779B97F4A7C15)
OTHER_MIX = np.uint64(0xC2B2AE3D27D4EB4F)
EMPTY = np.uint32(2**32 - 1)
BATCH = 50_000
"""Texts whose hashes are computed at once."""

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]


def by_rare_runs(texts: Any, threshold: float) -> Ints:  # noqa: ANN401
    """Every pair of similar texts, and others: shape (m, 2), smaller index first.

    Two sets of sizes a <= b with similarity t must share a run among the rarest a - ceil(t a) + 1
    of each (prefix filtering; Bayardo, Ma and Srikant 2007), so only texts that share one are
    compared. Three bounds keep the work in proportion to the text: a run that many texts have
    among their rarest is followed to `MOST_NEIGHBOURS` texts of similar size, at most
    `MOST_CANDIDATES` pairs are met, and of these the likeliest are given (`COMPARED`).
    """
    block = runs(texts, np.arange(len(texts)))
    owner = np.repeat(np.arange(len(texts)), np.diff(block.start))[block.inside]
    hashed = ((block.run[block.inside] * MIX) >> np.uint64(64 - HASH_BITS)).astype(np.int64)
    # The id of a run begins with how common it is, so that one sort brings rare runs to the front.
    bucket = hashed & (2**20 - 1)
    common = np.bincount(bucket, minlength=2**20)
    scale = np.frexp(common.astype(np.float64))[1].astype(np.int64)
    key = np.sort((owner << SHORT_BITS) | (scale[bucket] << HASH_BITS) | hashed)
    key = key[np.concatenate((np.ones(min(1, len(key)), bool), key[1:] != key[:-1]))]
    owner, run = key >> SHORT_BITS, key & (2**SHORT_BITS - 1)
    sizes = np.bincount(owner, minlength=len(texts))
    starts = np.cumsum(sizes) - sizes
    prefix = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + 1
    rare = np.arange(len(owner)) - starts[owner] < prefix[owner]
    pairs, shared = _neighbours(owner[rare], run[rare], sizes, threshold)
    weight = np.diff(block.start)[pairs].sum(axis=1)
    order = np.argsort(-shared / prefix[pairs].min(axis=1), kind="stable")
    bound = max(COMPARED * int(block.start[-1]), SOME_TEXT)
    return pairs[np.sort(order[np.cumsum(weight[order]) <= bound])]


def _neighbours(owner: Ints, run: Ints, sizes: Ints, threshold: float) -> tuple[Ints, Ints]:
    """Pairs of texts that share a run, and how many they share."""
    order = np.lexsort((owner, sizes[owner], run))
    owner, run = owner[order], run[order]
    found: list[Ints] = [np.empty(0, dtype=np.int64)]
    total = 0
    at = np.arange(len(owner))
    for shift in range(1, MOST_NEIGHBOURS + 1):
        at = at[at + shift < len(owner)]
        # Texts of a run are sorted by size: once one is too long, so is every later one.
        at = at[
            (run[at] == run[at + shift])
            & (sizes[owner[at]] >= threshold * sizes[owner[at + shift]])
        ]
        total += len(at)
        if not len(at) or (shift > 1 and total > MOST_CANDIDATES):
            break
        one, other = owner[at], owner[at + shift]
        found.append(np.minimum(one, other) * len(sizes) + np.maximum(one, other))
    key, shared = np.unique(np.concatenate(found), return_counts=True)
    return np.stack(np.divmod(key, len(sizes)), axis=1), shared


def by_signature(texts: Any) -> tuple[Ints, Ints]:  # noqa: ANN401
    """For each text a few others that it may be similar to, the best first.

    Gives pairs (text, other), shape (m, 2), sorted by text, and the rank of each pair among those
    of its text, shape (m,). MinHash (Broder 1997) with bands: texts equal in all hashes of a band
    are in one bucket. A bucket gives each of its texts one partner and not all pairs, so the work
    grows with the texts however much they are alike; two neighbouring bands together make further,
    narrower buckets, in which similar texts of one template meet. The more buckets a pair shares,
    the better its rank.
    """
    bands, known = _bands(texts)
    pairs: list[Keys] = [np.empty(0, dtype=np.uint64)]
    count = np.uint64(max(1, len(texts)))
    for band in range(len(bands)):
        following = bands[(band + 1) % len(bands)]
        for key in (bands[band], (bands[band] * OTHER_MIX) ^ following):
            # The first text of a bucket stands for it: of a text and its copies, the original.
            partner = known[::-1][Lookup(key[::-1]).last[::-1]]
            apart = partner != known
            pairs.append(known[apart].view(np.uint64) * count + partner[apart].view(np.uint64))
    # Distinct pairs, each with how often it was given.
    every = np.concatenate(pairs)
    lookup = Lookup(every)
    votes = np.bincount(lookup.last, minlength=len(every))[lookup.distinct]
    text, other = np.divmod(every[lookup.distinct], count)
    order = np.lexsort((other, -votes, text))
    text, other = text[order].view(np.int64), other[order].view(np.int64)
    first = np.searchsorted(text, text, side="left")
    return np.stack([text, other], axis=1), np.arange(len(text)) - first


def _bands(texts: Any) -> tuple[list[Keys], Ints]:  # noqa: ANN401
    """One key for each band and text that has anything to hash, and the indices of these texts."""
    import pyarrow.compute as pc  # noqa: PLC0415  a small check never needs it

    short = pc.sum(pc.binary_length(texts)).as_py() < SHORT * len(texts)
    parts = []
    for low in range(0, len(texts), BATCH):
        part = texts.slice(low, BATCH)
        parts.append(_hashes(_spelled(part) if short else part, RUN if short else WORDS))
    hashes = np.concatenate(parts)
    known = np.flatnonzero((hashes != EMPTY).any(axis=1))
    if len(known) < len(hashes):
        hashes = hashes[known]
    twos = hashes.view(np.uint64)
    keys = [
        (twos[:, at] * MIX) ^ (twos[:, at + 1] * OTHER_MIX)
        for at in range(0, HASHES // 2, BAND // 2)
    ]
    return keys, known


def _hashes(texts: Any, length: int) -> NDArray[np.uint32]:  # noqa: ANN401
    """The least hashes of every text under `HASHES` permutations, shape (n, HASHES)."""
    import pyarrow as pa  # noqa: PLC0415  see _bands

    functions = daft().functions
    column = over(
        Texts(pa.chunked_array([texts])),
        lambda text: functions.minhash(
            text, num_hashes=HASHES, ngram_size=length, hash_function="xxhash3_64"
        ),
    )
    found = np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])
    return found.reshape(-1, HASHES)


def _spelled(texts: Any) -> Any:  # noqa: ANN401
    """The texts with a blank behind each byte, so that single characters are taken for words.

    A blank itself becomes a line, and bytes beyond ASCII lose their first bit: what is hashed need
    only be alike for texts that are alike.
    """
    import pyarrow as pa  # noqa: PLC0415  see _bands
    import pyarrow.compute as pc  # noqa: PLC0415

    line, nothing = (pa.scalar(part, pa.large_string()) for part in ("_", ""))
    joined = pc.binary_join_element_wise(line, texts, line, nothing)
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)[: len(texts) + 1]
    raw = np.frombuffer(joined.buffers()[2], dtype=np.uint8)[: offsets[-1]] & 0x7F
    spaced = np.full(2 * len(raw), ord(" "), dtype=np.uint8)
    spaced[::2] = np.where(raw > ord(" "), raw, ord("_"))
    return pa.Array.from_buffers(
        pa.large_string(), len(texts), [None, pa.py_buffer(2 * offsets), pa.py_buffer(spaced)]
    )
