"""A split that lies in several files, such as train-00000-of-00008.parquet."""

from __future__ import annotations

import dataclasses
import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Parts, Texts

NUMBERED = re.compile(
    r"(?:^|[-_.])(?:part|shard|chunk|split)[-_.]?\d+|(?:^|[-_.]|(?<=[a-z]))0\d{2,}(?!\d)"
)
OF = re.compile(r"[-_.]?\d+-of-\d+")


def shard_stem(path: Path) -> str | None:
    """The name that the files of one split share; None where a name tells of no other file.

    Versions and years ("train_2.csv", "2024.csv") are no shards: a shard's number is padded with
    zeros, counted "of" a total, or follows a word such as "part".
    """
    for pattern in (OF, NUMBERED):
        stem, found = pattern.subn("#", path.name, count=1)
        if found:
            return str(path.with_name(stem))
    return None


def shards_of(first: Path, others: Iterable[Path]) -> list[Path]:
    """`first` with the other files of its split, by name."""
    stem = shard_stem(first)
    if stem is None:
        return [first]
    return sorted({first, *(other for other in others if shard_stem(other) == stem)})


def join_shards(splits: Sequence[Split]) -> Split:
    """The rows of several files as one split, in the order of the files."""
    first = splits[0]
    if len(splits) == 1:
        return first
    offsets = np.cumsum([0, *(len(split) for split in splits)])
    parts = _parts([split.parts or Parts.single(split.texts) for split in splits])
    names = dict.fromkeys(name for split in splits for name in split.extra)
    return dataclasses.replace(
        first,
        texts=parts.whole_rows,
        labels=[label for split in splits for label in split.labels],
        lines=array("q", (line for split in splits for line in split.lines)),
        broken=tuple(
            dataclasses.replace(row, path=split.source.path)
            for split in splits
            for row in split.broken
        ),
        parts=None if first.parts is None else parts,
        label_sets=None
        if first.label_sets is None
        else [names for split in splits for names in split.label_sets or ()],
        extra={
            name: [cell for split in splits for cell in split.extra.get(name, [None] * len(split))]
            for name in names
        },
        irregular=tuple(
            dataclasses.replace(note, row=note.row + int(offset))
            for split, offset in zip(splits, offsets, strict=False)
            for note in split.irregular
        ),
        sources=tuple(split.source for split in splits),
        file_number=array("i", np.repeat(np.arange(len(splits)), np.diff(offsets)).tolist()),
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
    )
