"""Labels as text, whatever type the file gave them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tunewell.readers.data.table import Table

MISSING = frozenset({"", "nan", "NaN", "NAN", "<NA>", "null", "NULL"})
"""Texts that stand for no label. "None" and "NA" are left alone: they are names of classes."""

WHOLE_FLOAT = re.compile(r"-?\d+\.0")


def read_labels(table: Table, column: str | None) -> Sequence[object]:
    """One value a row: text, None where the label is missing, and anything else as it is.

    Anything else (a list, an object) can be no label of a single-label data set.
    """
    if column is None:
        return [None] * len(table.lines)
    names = table.class_names.get(column)
    values = [_label(cell, names) for cell in table.columns[column]]
    given = [value for value in values if isinstance(value, str)]
    if given and all(WHOLE_FLOAT.fullmatch(value) for value in given):
        # pandas turns a column of integers with a gap into floats.
        return [v.removesuffix(".0") if isinstance(v, str) else v for v in values]
    return values


def _label(cell: object, names: tuple[str, ...] | None) -> object:
    match cell:
        case bool():
            return "true" if cell else "false"
        case int():
            if names is None:
                return str(cell)
            # datasets writes -1 where a row has no label
            return names[cell] if 0 <= cell < len(names) else None
        case float():
            text = f"{cell:.0f}" if cell.is_integer() else str(cell)
        case str():
            text = cell.strip()
        case _:
            return cell
    return None if text in MISSING else text
