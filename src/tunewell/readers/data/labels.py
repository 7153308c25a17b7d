"""Labels as text, whatever type the file gave them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tunewell.core.errors import InputError
from tunewell.readers.data.table import Table

MISSING = frozenset({"", "nan", "NaN", "NAN", "<NA>", "null", "NULL"})
"""Texts that stand for no label. "None" and "NA" are left alone: they are names of classes."""

WHOLE_FLOAT = re.compile(r"-?\d+\.0")
FRACTION = re.compile(r"-?\d*\.\d*[1-9]\d*")

SEPARATORS = (",", ";", "|")
FEWEST_COMBINED = 3
"""Different cells with several labels; fewer could be classes that are named so."""

KNOWN_PARTS = 0.95
"""Share of the different cells with a separator whose parts must all be labels of other rows."""

COMBINED_SHARE = 0.005
"""Share of the rows; below it a few stray cells are a matter for the checks."""

FEWEST_FRACTIONS = 20
"""Different values. Ratings in steps of a half have 9 or 10."""


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


def have_several(labels: Sequence[object], column: str | None, place: str) -> bool:
    """Whether rows have several labels: lists, or several names in one cell.

    Raises:
        InputError: if the column holds measured numbers and no classes.
    """
    lists = sum(isinstance(label, list | tuple) for label in labels)
    named = [label for label in labels if isinstance(label, str)]
    if 2 * lists > len(labels) or _combined(named):
        return True
    fractions = {label for label in named if FRACTION.fullmatch(label)}
    if len(fractions) >= FEWEST_FRACTIONS and 2 * len(fractions) > len(named):
        message = (
            f"{place}: the label column {column!r} holds {len(fractions):,} different numbers with "
            f"fractions, {min(fractions)} for one: that is a quantity, not classes; name the "
            "column of classes with --label COLUMN"
        )
        raise InputError(message)
    return False


def _combined(labels: Sequence[str]) -> frozenset[str]:
    """The different cells that hold several labels; empty where cells hold one each.

    A class may have a separator in its own name ("Health, beauty") and a number a decimal comma
    ("2,5"). So nearly all cells with a separator must be made of labels that other rows have alone,
    in several combinations with different ends.
    """
    values = set(labels)
    for separator in SEPARATORS:
        parts = {
            label: [part.strip() for part in label.split(separator)]
            for label in values
            if separator in label
        }
        made = {label for label, names in parts.items() if all(name in values for name in names)}
        ends = {parts[label][-1] for label in made}
        rows = sum(label in made for label in labels)
        if (
            len(made) >= max(FEWEST_COMBINED, KNOWN_PARTS * len(parts))
            and len(ends) > 1
            and rows >= COMBINED_SHARE * len(labels)
        ):
            return frozenset(made)
    return frozenset()
