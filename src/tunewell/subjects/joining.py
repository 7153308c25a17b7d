"""Several splits as one."""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Parts, Texts


def join(splits: Sequence[Split]) -> Split:
    """The rows of several splits as one, in that order, with the name and layout of the first."""
    first = splits[0]
    if len(splits) == 1:
        return first
    offsets = np.cumsum([0, *(len(split) for split in splits)])
    parts = _parts([split.parts or Parts.single(split.texts) for split in splits])
    origins = [
        split.source if split.file_number is None else split.sources[split.file_number[row]]
        for split in splits
        for row in range(len(split))
    ]
    # A source is one object however often it is named, and has no hash.
    by_id = {id(origin): origin for origin in origins}
    number = {known: at for at, known in enumerate(by_id)}
    sources = tuple(by_id.values())
    return dataclasses.replace(
        first,
        texts=parts.whole_rows,
        labels=[label for split in splits for label in split.labels],
        lines=array("q", (line for split in splits for line in split.lines)),
        broken=tuple(
            dataclasses.replace(row, path=row.path or split.source.path)
            for split in splits
            for row in split.broken
        ),
        parts=None if first.parts is None else parts,
        label_sets=None
        if first.label_sets is None
        else [labels for split in splits for labels in split.label_sets or ()],
        extra={
            name: [cell for split in splits for cell in split.extra.get(name, [None] * len(split))]
            for name in dict.fromkeys(name for split in splits for name in split.extra)
        },
        irregular=tuple(
            dataclasses.replace(note, row=note.row + int(offset))
            for split, offset in zip(splits, offsets, strict=False)
            for note in split.irregular
        ),
        media={
            name: [n for split in splits for n in split.media.get(name, [0] * len(split))]
            for name in dict.fromkeys(name for split in splits for name in split.media)
        },
        role_words=dict(sum((Counter(split.role_words) for split in splits), Counter())),
        sources=sources,
        file_number=array("i", (number[id(origin)] for origin in origins)),
    )


def _parts(all_parts: Sequence[Parts]) -> Parts:
    import pyarrow as pa  # noqa: PLC0415  0.1 s that --help need not wait for

    chunks = [chunk for parts in all_parts for chunk in parts.texts.column.chunks]
    before = np.cumsum([0, *(len(parts.role) for parts in all_parts)])
    starts = [parts.start[:-1] + offset for parts, offset in zip(all_parts, before, strict=False)]
    texts = Texts(pa.chunked_array(chunks, type=pa.large_string()))
    return Parts(
        texts,
        np.concatenate([parts.role for parts in all_parts]),
        np.concatenate([*starts, before[-1:]]),
        np.concatenate([_opens(parts) for parts in all_parts])
        if any(parts.opens is not None for parts in all_parts)
        else None,
    )


def _opens(parts: Parts) -> NDArray[np.bool_]:
    return np.ones(len(parts.role), dtype=np.bool_) if parts.opens is None else parts.opens
