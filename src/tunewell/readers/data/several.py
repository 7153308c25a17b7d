"""Labels of rows that have several: how they are written, and each row's as a tuple of names."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tunewell.readers.data.names import LABEL_NAMES, fold_name
from tunewell.readers.data.table import Table

SEPARATORS = (",", ";", "|")
FEWEST_COMBINED = 3
"""Different cells with several labels; fewer could be classes that are named so."""

KNOWN_PARTS = 0.95
"""Share of the different cells with a separator whose parts must all be labels of other rows."""

COMBINED_SHARE = 0.005
"""Share of the rows; below it a few stray cells are a matter for the checks."""

LIST = re.compile(r"\s*\[.*\]\s*", re.DOTALL)
WRITTEN_LISTS = 0.9
"""Share of the filled cells that are lists written as text, as pandas writes them into CSV."""

FEWEST_FLAGS = 3
ROWS_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Several:
    """How the labels of one row stand in its cell; see `Layout`."""

    separator: str = ""
    multi_hot: bool = False


def how_several(labels: Sequence[object]) -> Several | None:
    """How rows have several labels; None where they have one each."""
    lists = [label for label in labels if isinstance(label, list | tuple)]
    if 2 * len(lists) > len(labels):
        return Several(multi_hot=_is_multi_hot(lists))
    named = [label for label in labels if isinstance(label, str)]
    separator = _separator(named)
    return Several(separator) if separator else None


def unpacked(labels: Sequence[object]) -> Sequence[object]:
    """The labels with lists that were written as text ("['joy', 'love']", "[3]") read as lists."""
    filled = [label for label in labels if isinstance(label, str)]
    written = sum(LIST.fullmatch(label) is not None for label in filled)
    if not written or written < WRITTEN_LISTS * len(filled):
        return labels
    return [_list(label) if isinstance(label, str) else label for label in labels]


def names_of(value: object, how: Several, names: Sequence[str]) -> tuple[str, ...] | None:
    """The labels of one row, sorted; None where the value is of another type.

    `names` are the class names that numbers index, () where there are none.
    """
    if isinstance(value, str):
        parts = value.split(how.separator) if how.separator else [value]
        return tuple(sorted({part.strip() for part in parts} - {""}))
    if not isinstance(value, list | tuple):
        return None
    if how.multi_hot:
        if any(flag not in (0, 1) for flag in value):
            return None
        return tuple(_name(at, names) for at, flag in enumerate(value) if flag)
    return tuple(sorted({_name(part, names) for part in value if part is not None}))


def flag_columns(table: Table) -> Mapping[str, str]:
    """Columns that each say with zeros and ones which rows have one label, by the label's name.

    Only where no column is called as labels are: a set may have flags that are no labels.
    """
    if any(fold_name(name) in LABEL_NAMES for name in table.columns):
        return {}
    found = [name for name, cells in table.columns.items() if _is_flags(cells)]
    return {name.strip(): name for name in found} if len(found) >= FEWEST_FLAGS else {}


def _is_flags(cells: Sequence[object]) -> bool:
    step = max(1, len(cells) // ROWS_LOOKED_AT)
    sample = {str(cells[at]).removesuffix(".0") for at in range(0, len(cells), step)}
    return sample <= {"0", "1"} or sample <= {"True", "False"}


def flagged(table: Table, flags: Mapping[str, str]) -> list[object]:
    """The labels of each row, as a list of names, where each label has a column of its own."""
    rows: list[list[str]] = [[] for _ in table.lines]
    for name, column in flags.items():
        for at, cell in enumerate(table.columns.get(column, ())):
            if str(cell) in {"1", "1.0", "True"}:
                rows[at].append(name)
    return list(rows)


def _name(part: object, names: Sequence[str]) -> str:
    if isinstance(part, int) and 0 <= part < len(names):
        return names[part]
    return str(part).strip()


def _is_multi_hot(lists: Sequence[Sequence[object]]) -> bool:
    """Whether lists have a place for each label: equally long, zeros and ones, some repeated."""
    if len({len(flags) for flags in lists}) != 1 or len(lists[0]) < 2:  # noqa: PLR2004
        return False
    if any(flag not in (0, 1) for flags in lists for flag in flags):
        return False
    return any(len(set(flags)) < len(flags) for flags in lists)


def _list(text: str) -> object:
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError):
        # [joy, love] without quotes
        return [part.strip(" '\"") for part in text.strip()[1:-1].split(",") if part.strip(" '\"")]
    return value if isinstance(value, list) else text


def _separator(labels: Sequence[str]) -> str:
    """What stands between the labels of one cell; "" where cells hold one each.

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
            return separator
    return ""
