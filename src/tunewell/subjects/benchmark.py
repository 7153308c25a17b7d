"""A public test that a model is to be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Benchmark:
    """The questions of a benchmark, without their answers: `len(texts) == len(lines)`.

    `lines` are 1-based lines of the file `path` (row numbers where the format has no lines).
    """

    name: str
    texts: Sequence[str]
    lines: Sequence[int]
    path: Path

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.texts)
