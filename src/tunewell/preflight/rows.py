"""Choose the rows that a rehearsal looks at: the longest, the shortest and some at random."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 8
SHORTEST = 8
RANDOM = 16
MEASURED = 4_000
"""Rows whose length is looked at; of a larger set a random sample of this many."""

LENGTH_COLUMNS = ("input_ids", "prompt_ids", "prompt_input_ids", "text", "sentence", "prompt")


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Some rows of a data set, by their 0-based number.

    `lengths` are the lengths (tokens where the set is tokenised, else characters) of the rows that
    were measured. `total` is None where the set does not tell its size.
    """

    dataset: Any
    rows: tuple[int, ...]
    lengths: NDArray[np.int64]
    total: int | None

    def examples(self, rows: Sequence[int] | None = None) -> list[Any]:
        """The rows themselves."""
        return [self.dataset[int(row)] for row in (self.rows if rows is None else rows)]


class FirstRows:
    """The first rows of a set that can only be walked through, as one with numbers."""

    def __init__(self, dataset: Any, count: int) -> None:
        self._rows = list(itertools.islice(iter(dataset), count))

    def __len__(self) -> int:
        """How many rows were taken."""
        return len(self._rows)

    def __getitem__(self, row: int) -> Any:
        """One row."""
        return self._rows[row]


def choose(dataset: Any, *, seed: int = 0) -> Chosen | None:
    """Rows to look at; None where the set can be walked through only once or is empty.

    The choice rests on a generator of its own: no global random state is used.
    """
    if dataset is None:
        return None
    total: int | None = None
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        total = len(dataset)
    elif hasattr(dataset, "__next__"):
        return None
    else:
        dataset = FirstRows(dataset, LONGEST + SHORTEST + RANDOM)
    count = len(dataset)
    if not count:
        return None
    generator = np.random.default_rng(seed)
    measured = np.arange(count)
    if count > MEASURED:
        measured = np.sort(generator.choice(count, MEASURED, replace=False))
    lengths = lengths_of(dataset, measured)
    order = np.argsort(lengths, kind="stable")
    picked = [*order[::-1][:LONGEST], *order[:SHORTEST]]
    rest = np.setdiff1d(np.arange(len(measured)), picked)
    picked += list(generator.choice(rest, min(RANDOM, len(rest)), replace=False))
    rows = tuple(dict.fromkeys(int(measured[place]) for place in picked))
    return Chosen(dataset, rows, lengths, total)


def lengths_of(dataset: Any, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths of some rows: tokens where the set is tokenised, else characters; 0 if unknown."""
    columns = getattr(dataset, "column_names", None)
    if columns is not None and hasattr(dataset, "select"):
        column = next((c for c in LENGTH_COLUMNS if c in columns), None)
        if column is None:
            return np.zeros(len(rows), dtype=np.int64)
        values = dataset.select(rows.tolist()).with_format(None)[column]
        return np.array([_length(value) for value in values], dtype=np.int64)
    return np.array([_row_length(dataset[int(row)]) for row in rows], dtype=np.int64)


def _row_length(row: Any) -> int:
    if not isinstance(row, dict):
        return 0
    return next((_length(row[c]) for c in LENGTH_COLUMNS if c in row), 0)


def _length(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return 0
