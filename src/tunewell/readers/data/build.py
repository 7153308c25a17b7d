"""Build a split from tables that arrive one after the other."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.readers.data.kind_names import MEDIA_NAMES
from tunewell.readers.data.names import fold_name
from tunewell.readers.data.several import Several, names_of
from tunewell.readers.data.spool import TextSpool
from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table
from tunewell.subjects.dataset import MESSAGES, BrokenRow, Source, Split
from tunewell.subjects.layout import Kind, Layout
from tunewell.subjects.parts import Parts
from tunewell.subjects.reading import Irregular, Irregularity, named

LONGEST_EXTRA = 200
"""Characters of an extra column's cell that are kept: names and numbers of groups are short."""


class SplitBuilder:
    """Rows of one layout on their way to becoming a `Split`."""

    def __init__(self, layout: Layout, label: str | None) -> None:
        """Read rows by `layout`; `label` is the column whose values the caller reads as labels."""
        self._layout = layout
        self._label = label
        self._spool = TextSpool()
        self._roles = array("b")
        self._start = array("q", [0])
        self._lines = array("q")
        self._starts = array("q")
        self._labels: list[str | None] = []
        self._sets: list[tuple[str, ...]] = []
        self._extra: dict[str, list[object]] = {}
        self._irregular: list[Irregularity] = []
        self._opens = array("b")
        self._media: dict[str, array[int]] = {}
        self._words: Counter[str] = Counter()
        self._broken: list[BrokenRow] = []
        self._several = Several(layout.separator, layout.multi_hot)

    def __len__(self) -> int:
        """Rows so far."""
        return len(self._lines)

    def add(self, table: Table, labels: Sequence[object]) -> None:
        """Append the rows of a table; `labels` has one value a row, as `read_labels` gives them."""
        self._starts.extend(table.lines)
        self._starts.extend(row.line for row in table.broken)
        self._broken += table.broken
        names = [n for n in table.columns if n in self._layout.used]
        columns = [table.columns[n] for n in names]
        kept: list[int] = []
        texts: list[str] = []
        one_text = self._layout.kind in {Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.TEXT}
        tags = self._layout.columns.get("tags")
        class_names = table.class_names.get(self._label or "", ())
        for at, line in enumerate(table.lines):
            record = {name: cells[at] for name, cells in zip(names, columns, strict=True)}
            reading = self._layout.read(record)
            given, label_sets, problem = self._read_label(labels[at], class_names)
            problem = reading.problem or problem
            size = sum(len(part.text) for part in reading.parts)
            if problem is None and size > MOST_ROW_CHARACTERS:
                problem = f"is longer than {MOST_ROW_CHARACTERS:,} characters"
            if problem is not None:
                self._broken.append(BrokenRow(line, problem))
                continue
            row = len(self._lines)
            if tags is not None:
                label_sets = self._tags(row, record, label_sets)
            kept.append(at)
            texts += [part.text for part in reading.parts]
            self._roles.extend(int(part.role) for part in reading.parts)
            self._opens.extend(part.opens for part in reading.parts)
            self._words.update(reading.words)
            if reading.media:
                self._count(MESSAGES, row, reading.media)
            self._start.append(len(self._roles))
            self._lines.append(line)
            self._labels.append(given)
            if not one_text or self._layout.kind is Kind.MULTI_LABEL:
                self._sets.append(label_sets)
            self._irregular += [
                Irregularity(row, what, why) for what, why in dict.fromkeys(reading.irregular)
            ]
        self._spool.add(texts)
        self._add_extra(table, kept)

    def _read_label(
        self, value: object, names: Sequence[str]
    ) -> tuple[str | None, tuple[str, ...], str | None]:
        """The label as one text, the labels apart, and what is wrong with them."""
        if value is None:
            return None, (), None
        if self._layout.kind is Kind.MULTI_LABEL:
            several = names_of(value, self._several, names)
            if several is not None:
                return ", ".join(several), several, None
        elif self._layout.kind is Kind.TAGGING and isinstance(value, list | tuple):
            tags = tuple(_tag(tag, names) for tag in value)
            return ", ".join(tags), tags, None
        elif isinstance(value, str):
            return value, (value,), None
        return None, (), f"has a label that is {named(value)}, not one name or number"

    def _tags(
        self, row: int, record: Mapping[str, Any], label_sets: tuple[str, ...]
    ) -> tuple[str, ...]:
        tokens = record[self._layout.columns["tokens"]]
        if len(tokens) != len(label_sets):
            why = f"{len(tokens):,} tokens and {len(label_sets):,} tags"
            self._irregular.append(Irregularity(row, Irregular.COUNT, why))
        return label_sets

    def _count(self, column: str, row: int, number: int) -> None:
        counts = self._media.setdefault(column, array("i"))
        counts.extend([0] * (row - len(counts)))
        counts.append(number)

    def _add_extra(self, table: Table, kept: Iterable[int]) -> None:
        before = len(self._lines) - len(chosen := list(kept))
        for name in table.columns:
            if fold_name(name) in MEDIA_NAMES and name not in self._layout.used:
                for row, at in enumerate(chosen, start=before):
                    self._count(name, row, _number_of(table.columns[name][at]))
        for name, cells in table.columns.items():
            if name not in self._layout.used and name != self._label:
                column = self._extra.setdefault(name, [None] * before)
                column.extend(_scalar(cells[at]) for at in chosen)
        for cells in self._extra.values():
            cells.extend([None] * (len(self._lines) - len(cells)))

    def finish(
        self, name: str, path: Path, table: Table, reason: str, columns: Sequence[str]
    ) -> Split:
        """The split. `table` says how the file was read, `reason` why these are its columns."""
        parts = Parts(
            self._spool.finish(),
            np.array(self._roles, dtype=np.int8),
            np.array(self._start, dtype=np.int64),
            None if all(self._opens) else np.array(self._opens, dtype=np.bool_),
        )
        for counts in self._media.values():
            counts.extend([0] * (len(self) - len(counts)))
        used = self._layout.columns
        text_column = used.get("text") or next(iter(used.values()))
        source = Source(
            path=path,
            format=table.format,
            text_column=text_column,
            label_column=self._label,
            columns=tuple(columns),
            reason="; ".join((table.format, reason, *table.notes)),
            starts=array("q", sorted(self._starts)),
            delimiter=table.delimiter,
            encoding=table.encoding,
            layout=self._layout,
            class_names=table.class_names.get(self._label or "", ()),
        )
        self._broken.sort(key=lambda row: row.line)
        return Split(
            name=name,
            texts=parts.whole_rows,
            labels=self._labels,
            lines=self._lines,
            source=source,
            broken=tuple(self._broken),
            kind=self._layout.kind,
            parts=None if self._layout.kind is Kind.CLASSIFICATION else parts,
            label_sets=self._sets or None,
            extra=self._extra,
            irregular=tuple(self._irregular),
            media=self._media,
            role_words=dict(self._words),
        )


def _number_of(cell: object) -> int:
    """How many images, videos or sounds a cell holds: none, one, or as many as its list."""
    if cell is None or cell == "":
        return 0
    return len(cell) if isinstance(cell, list) else 1


def _tag(tag: object, names: Sequence[str]) -> str:
    return names[tag] if isinstance(tag, int) and 0 <= tag < len(names) else str(tag)


def _scalar(cell: object) -> object:
    if isinstance(cell, str):
        return cell[:LONGEST_EXTRA]
    return cell if isinstance(cell, int | float) else None
