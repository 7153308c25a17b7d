"""Labelled text, as rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Where a split came from and how its columns were understood.

    `reason` is the sentence that says why these columns were taken for text and label. `starts`
    holds the line where each row of the file begins, unreadable rows included, in file order: an
    edited split still knows how to cut its file into rows. `delimiter` and `encoding` say how the
    file was read, where that means something.
    """

    path: Path
    format: str
    text_column: str
    label_column: str | None
    columns: tuple[str, ...]
    reason: str
    starts: Sequence[int] = ()
    delimiter: str = ""
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not be read, with the 1-based line where it starts."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Split:
    """One part of a data set: `len(texts) == len(labels) == len(lines)`.

    `labels` are label names as text, None where the label is missing (empty, null or NaN).
    `lines` are 1-based lines of the file (1-based row numbers where the format has no lines).
    Texts are as the file gives them: nothing is stripped or folded.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str | None]
    lines: Sequence[int]
    source: Source
    broken: tuple[BrokenRow, ...] = ()

    def __len__(self) -> int:
        """Number of readable rows."""
        return len(self.texts)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """Training rows with, where they were given, the rows that judge the model.

    `evaluation` steers training (early stopping, choice of settings); `test` is only for the last
    word.
    """

    train: Split
    evaluation: Split | None = None
    test: Split | None = None

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that are there, training first."""
        return tuple(s for s in (self.train, self.evaluation, self.test) if s is not None)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Sorted names of the labels of the training split."""
        return tuple(sorted({label for label in self.train.labels if label is not None}))
