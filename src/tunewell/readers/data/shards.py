"""A split that lies in several files, such as train-00000-of-00008.parquet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

NUMBERED = re.compile(
    r"(?:^|[-_.])(?:part|shard|chunk|split)[-_.]?\d+|(?:^|[-_.]|(?<=[a-z]))0\d{2,}(?!\d)"
)
OF = re.compile(r"[-_.]?\d+-(of-\d+)")


def shard_stem(path: Path) -> str | None:
    """The name that the files of one split share; None where a name tells of no other file.

    Versions and years ("train_2.csv", "2024.csv") are no shards: a shard's number is padded with
    zeros, counted "of" a total, or follows a word such as "part".
    """
    # The total stays: what is left of an older split "of 2" is no part of one "of 4".
    for pattern, mark in ((OF, r"#\1"), (NUMBERED, "#")):
        stem, found = pattern.subn(mark, path.name, count=1)
        if found:
            return str(path.with_name(stem))
    return None


def shards_of(first: Path, others: Iterable[Path]) -> list[Path]:
    """`first` with the other files of its split, by name."""
    stem = shard_stem(first)
    if stem is None:
        return [first]
    return sorted({first, *(other for other in others if shard_stem(other) == stem)})
