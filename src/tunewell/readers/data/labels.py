"""Labels as text, whatever type the file gave them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tunewell.core.errors import InputError
from tunewell.readers.data.several import flagged, unpacked
from tunewell.readers.data.table import Table

MISSING = frozenset({"", "nan", "NaN", "NAN", "<NA>", "null", "NULL"})
"""Texts that stand for no label. "None" and "NA" are left alone: they are names of classes."""

WHOLE_FLOAT = re.compile(r"-?\d+\.0")
FRACTION = re.compile(r"-?\d*\.\d*[1-9]\d*")

FEWEST_FRACTIONS = 20
"""Different values. Ratings in steps of a half have 9 or 10."""


def read_labels(
    table: Table, column: str | None, flags: Mapping[str, str] | None = None
) -> Sequence[object]:
    """One value a row: text, None where the label is missing, and anything else as it is.

    Anything else (a list, an object) can be no label of a single-label data set. `flags` are the
    columns of zeros and ones that each stand for one label, by its name.
    """
    if flags:
        return flagged(table, flags)
    if column is None:
        return [None] * len(table.lines)
    names = table.class_names.get(column)
    values = unpacked([_label(cell, names) for cell in table.columns[column]])
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
            if not text.isascii():
                # Half a surrogate pair, as a cut JSON escape leaves it, can be written nowhere.
                text = text.encode("utf-8", "replace").decode()
        case _:
            return cell
    return None if text in MISSING else text


def refuse_quantity(labels: Sequence[object], column: str | None, place: str) -> None:
    """Stop at a label column that holds measured numbers.

    Raises:
        InputError: if it does.
    """
    named = [label for label in labels if isinstance(label, str)]
    fractions = {label for label in named if FRACTION.fullmatch(label)}
    if len(fractions) >= FEWEST_FRACTIONS and 2 * len(fractions) > len(named):
        message = (
            f"{place}: the label column {column!r} holds {len(fractions):,} different numbers with "
            f"fractions, {min(fractions)} for one: that is a quantity, not classes; name the "
            "column of classes with --label COLUMN"
        )
        raise InputError(message)
