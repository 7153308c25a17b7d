"""Rows that a model is fine-tuned on, of whatever kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.layout import Kind, Layout
from tunewell.subjects.parts import Parts, Texts
from tunewell.subjects.reading import Irregularity

T = TypeVar("T")

MESSAGES = "messages"
"""Where `Split.media` counts the images that stand in messages."""

SEVERAL = frozenset({Kind.MULTI_LABEL, Kind.TAGGING})
"""Kinds whose rows have several labels each."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a split came from and how its columns were understood.

    `reason` is the sentence that says why these columns were taken for text and label. `starts`
    holds the line where each row of the file begins, unreadable rows included, in file order: an
    edited split still knows how to cut its file into rows. `delimiter` and `encoding` say how the
    file was read, where that means something. `layout` says which columns make up a row.
    `class_names` are the label names in the order of their numbers, where the file or a list beside
    it tells them.
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
    layout: Layout = field(default_factory=Layout)
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not be read, with the 1-based line where it starts.

    `path` is its file where the split was read from several. `ends_file` says that nothing after it
    could be read, so that nobody knows how many rows are lost.
    """

    line: int
    problem: str
    path: Path | None = None
    ends_file: bool = False


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Split:
    """One part of a data set: `len(texts) == len(labels) == len(lines)`.

    `texts` are whole rows: the text that is classified, or all parts of the row one after the
    other. `parts` holds them apart, by role; None stands for rows of a single text each
    (`tunewell.facts.parts.parts` gives both the same way).

    `labels` are label names as text, None where the label is missing (empty, null or NaN) or the
    kind has none. Where a row has several (multi-label, tags), `label_sets` holds them apart and
    `labels` joined by ", ".
    `lines` are 1-based lines of the file (1-based row numbers where the format has no lines).
    Of a split that lies in several files, `sources` has one entry a file, `file_number` says for
    each row which it is from, and `source` is the first.
    `extra` holds the columns that are neither text nor label, by name: numbers, texts or None.
    `media` counts the images, videos and sounds of each row, by the column that holds them; under
    `MESSAGES` stand those that are pieces of the messages themselves.
    `role_words` counts the messages by their role as it is written.
    Texts are as the file gives them: nothing is stripped or folded.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str | None]
    lines: Sequence[int]
    source: Source
    broken: tuple[BrokenRow, ...] = ()
    kind: Kind = Kind.CLASSIFICATION
    parts: Parts | None = None
    label_sets: Sequence[tuple[str, ...]] | None = None
    extra: Mapping[str, Sequence[object]] = field(default_factory=dict)
    irregular: tuple[Irregularity, ...] = ()
    media: Mapping[str, Sequence[int]] = field(default_factory=dict)
    role_words: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    file_number: Sequence[int] | None = None

    def __len__(self) -> int:
        """Number of readable rows."""
        return len(self.texts)

    def file(self, row: int) -> str:
        """The file that a row is from."""
        if self.file_number is None:
            return str(self.source.path)
        return str(self.sources[self.file_number[row]].path)

    def by_file(self) -> Iterator[tuple[NDArray[np.int64], Split]]:
        """For each file the numbers of its rows here and the split of them alone."""
        if self.file_number is None:
            yield np.arange(len(self)), self
            return
        numbers = np.asarray(self.file_number)
        for number, source in enumerate(self.sources):
            rows = np.flatnonzero(numbers == number)
            broken = tuple(row for row in self.broken if row.path == source.path)
            yield (
                rows,
                dataclasses.replace(
                    self.take(rows), source=source, broken=broken, sources=(), file_number=None
                ),
            )

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Split:
        """The split with these rows alone, in that order."""
        chosen = [int(row) for row in rows]
        at = {row: new for new, row in enumerate(chosen)}
        parts = None if self.parts is None else self.parts.take(chosen)
        return dataclasses.replace(
            self,
            texts=_pick(self.texts, chosen) if parts is None else parts.whole_rows,
            labels=_pick(self.labels, chosen),
            lines=_pick(self.lines, chosen),
            parts=parts,
            label_sets=None if self.label_sets is None else _pick(self.label_sets, chosen),
            extra={name: _pick(cells, chosen) for name, cells in self.extra.items()},
            media={name: _pick(counts, chosen) for name, counts in self.media.items()},
            file_number=None if self.file_number is None else _pick(self.file_number, chosen),
            irregular=tuple(
                dataclasses.replace(note, row=at[note.row])
                for note in self.irregular
                if note.row in at
            ),
        )


def _pick(values: Sequence[T], rows: Sequence[int]) -> Sequence[T]:
    if isinstance(values, Texts):
        return cast("Sequence[T]", values.take(rows))
    return [values[row] for row in rows]


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
    def kind(self) -> Kind:
        """What kind of data the training rows are."""
        return self.train.kind

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that are there, training first."""
        return tuple(s for s in (self.train, self.evaluation, self.test) if s is not None)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Sorted names of the training labels, each on its own where a row has several."""
        if self.train.label_sets is not None and self.kind in SEVERAL:
            return tuple(sorted({label for several in self.train.label_sets for label in several}))
        return tuple(sorted({label for label in self.train.labels if label is not None}))
