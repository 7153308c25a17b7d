"""The rows of a file before anyone has said which column is the text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tunewell.subjects.dataset import BrokenRow

MOST_ROW_CHARACTERS = 1_000_000
"""A longer row is taken for a broken file: no classifier reads a text of a million characters."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length with, for each row, the 1-based line where it starts.

    `class_names` holds, by column, the label names that integer values index. `notes` are clauses
    that say how the file was understood.
    """

    format: str
    columns: Mapping[str, Sequence[object]]
    lines: Sequence[int]
    broken: Sequence[BrokenRow] = ()
    notes: tuple[str, ...] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delimiter: str = ""
    encoding: str = "utf-8"


def from_records(
    format_: str,
    records: Sequence[tuple[int, Mapping[str, object]]],
    broken: Sequence[BrokenRow],
    *,
    notes: tuple[str, ...] = (),
    encoding: str = "utf-8",
) -> Table:
    """A table of rows that each name their own columns; a column that a row lacks is None in it."""
    names: dict[str, None] = {}
    for _, record in records:
        names.update(dict.fromkeys(record))
    return Table(
        format=format_,
        columns={name: [record.get(name) for _, record in records] for name in names},
        lines=[line for line, _ in records],
        broken=broken,
        notes=notes,
        encoding=encoding,
    )


def joined(before: Table, after: Table) -> Table:
    """A table without rows and the one that follows it in the file, as one."""
    return dataclasses.replace(after, broken=[*before.broken, *after.broken])
