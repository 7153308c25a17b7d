"""Exact Jaccard similarity of many pairs of texts, by their sets of character runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.near.lookup import Keys, Lookup

SHINGLE = 5
"""Characters in a run. Shorter ones are shared by unrelated texts, longer ones miss small edits."""

RUN_BITS = 8 * SHINGLE
RUN = np.uint64(2**RUN_BITS - 1)
FOREIGN = np.uint64(0x80)
"""Set in the id of a run that is not all ASCII, and never in one that is."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
BYTES_AT_ONCE = 2**17
"""Text compared together; its tables stay in the processor's cache, which is twice as fast."""

END = 0xFF
"""Follows each text of a block; UTF-8 never uses it, so a run over it belongs to no text."""

Ints = NDArray[np.int64]


class Block(NamedTuple):
    """Runs of several texts, one after the other.

    `run[i]` is the id of the run that starts at place i, of which `inside[i]` says whether it lies
    in one text; text t has the places `start[t]` to `start[t + 1]`.
    """

    run: Keys
    inside: NDArray[np.bool_]
    start: Ints


def similarities(texts: Any, pairs: Ints) -> NDArray[np.float64]:  # noqa: ANN401
    """Jaccard similarity of each pair, from 0 to 1.

    Args:
        texts: folded texts, an Arrow array of large strings.
        pairs: indices of texts, shape (m, 2). Pairs with the same second text are best given one
            after the other: its runs are then looked up once.

    The runs of a text are those of `SHINGLE` characters in the text with a blank at each end, so
    that a word at the border differs from one inside. A run of ASCII is known by its characters,
    another one by 39 bits of their hash. Texts too short for a run are similar to nothing.
    """
    import pyarrow.compute as pc  # noqa: PLC0415  a small check never needs it

    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    found = np.zeros(len(pairs))
    for part in _parts(pairs, lengths.astype(np.int64)):
        found[part] = _similarities(texts, pairs[part])
    return found


def _parts(pairs: Ints, lengths: Ints) -> Iterator[slice]:
    """Slices of the pairs with about `BYTES_AT_ONCE` of text in each."""
    if not len(pairs):
        return
    one, other = pairs.T
    new = np.concatenate(([True], other[1:] != other[:-1]))
    block = np.cumsum(lengths[one] + new * lengths[other]) // BYTES_AT_ONCE
    bounds = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(pairs)]
    for low, high in pairwise(bounds):
        yield slice(low, high)


def _similarities(texts: Any, pairs: Ints) -> NDArray[np.float64]:  # noqa: ANN401
    others, other = np.unique(pairs[:, 1], return_inverse=True)
    known, asked = runs(texts, others), runs(texts, pairs[:, 0])
    label = np.arange(len(others), dtype=np.uint64) << np.uint64(RUN_BITS)
    keys = (known.run | np.repeat(label, np.diff(known.start)))[known.inside]
    begin = np.concatenate(([0], np.cumsum(known.inside)))[known.start]
    lookup = Lookup(keys)
    sizes = np.diff(np.concatenate(([0], np.cumsum(lookup.distinct)))[begin])

    # Each pair has a row of marks, one for each run of its second text. A run of the first marks
    # the one that stands for it there, so that a run counts once however often it occurs.
    lengths = np.diff(asked.start)
    place, missing = lookup.find(asked.run | np.repeat(label[other], lengths))
    width = np.diff(begin)[other]
    row = np.cumsum(width) - width
    place += np.repeat((row - begin[other]).astype(np.int32), lengths)
    place[missing] = width.sum()
    marks = np.zeros(int(width.sum()) + 1, dtype=bool)
    marks[place] = True
    marked = np.concatenate(([0], np.cumsum(marks[:-1], dtype=np.int32)))
    shared = marked[row + width] - marked[row]

    only = missing[asked.inside[missing]]
    pair = np.searchsorted(asked.start, only, side="right") - 1
    own = Lookup(asked.run[only] | (pair.astype(np.uint64) << np.uint64(RUN_BITS)))
    union = sizes[other] + np.bincount(pair[own.distinct], minlength=len(pairs))
    similarity = np.zeros(len(pairs))
    np.divide(shared, union, out=similarity, where=union > 0)
    return similarity


def runs(texts: Any, rows: Ints) -> Block:  # noqa: ANN401
    """The runs of some of the texts, in the order of `rows`."""
    import pyarrow as pa  # noqa: PLC0415  see similarities
    import pyarrow.compute as pc  # noqa: PLC0415

    blank, last, nothing = (pa.scalar(part, pa.large_binary()) for part in (b" ", b" \xff", b""))
    taken = texts.take(pa.array(rows)).cast(pa.large_binary())
    joined = pc.binary_join_element_wise(blank, taken, last, nothing)
    start = np.frombuffer(joined.buffers()[1], dtype=np.int64)[: len(rows) + 1]
    count = int(start[-1])
    raw = np.zeros(count + 8, dtype=np.uint8)  # a run is read with the three bytes behind it
    raw[:count] = np.frombuffer(joined.buffers()[2], dtype=np.uint8)[:count]
    run = np.ndarray((count,), "<u8", raw, strides=(1,)) & RUN
    inside = np.ones(count, dtype=bool)
    _close(inside, start[1:] - 1)
    signed = raw[:count].view(np.int8)
    if (foreign := signed < -1).any():  # bytes 0x80 to 0xFE
        owner = np.searchsorted(start, np.flatnonzero(foreign), side="right") - 1
        mine = np.zeros(len(rows), dtype=bool)
        mine[owner] = True
        places = np.flatnonzero(np.repeat(mine, np.diff(start)))
        _foreign_runs(raw, places, run, inside)
    return Block(run, inside, start)


def _close(inside: NDArray[np.bool_], ends: Ints) -> None:
    """No run that reaches the end of its text is inside it."""
    for back in range(SHINGLE):
        inside[np.maximum(ends - back, 0)] = False


def _foreign_runs(
    raw: NDArray[np.uint8], places: Ints, run: Keys, inside: NDArray[np.bool_]
) -> None:
    """Replace, at these places, runs of bytes by runs of characters that begin there."""
    part = raw[places]
    begins = (part & 0xC0) != 0x80  # noqa: PLR2004  how UTF-8 marks the bytes that continue
    ends = part == END
    part[ends] = ord(" ")
    text = part.tobytes().decode().encode("utf-32-le")
    codes = np.frombuffer(text, dtype="<u4").astype(np.uint64)
    count = len(codes)
    padded = np.concatenate([codes, np.zeros(SHINGLE, dtype=np.uint64)])
    packed = np.zeros(count, dtype=np.uint64)
    mixed = np.zeros(count, dtype=np.uint64)
    plain = np.ones(count, dtype=bool)
    for offset in range(SHINGLE):
        code = padded[offset : offset + count]
        plain &= code < FOREIGN
        packed |= code << np.uint64(8 * offset)
        mixed = (mixed + code) * MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    hashed = np.minimum((mixed >> np.uint64(64 - RUN_BITS)) | FOREIGN, RUN - np.uint64(1))
    whole = np.ones(count, dtype=bool)
    _close(whole, np.flatnonzero(ends[begins]))
    # What is no run gets an id that no run has.
    inside[places] = False
    run[places] = RUN
    inside[places[begins]] = whole
    run[places[begins]] = np.where(whole, np.where(plain, packed, hashed), RUN)
