"""Say which column is the text and which the label, and why."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence

from tunewell.core.errors import InputError
from tunewell.readers.data.names import LABEL_NAMES, TEXT_NAMES, fold_name
from tunewell.readers.data.table import Table

ROWS_LOOKED_AT = 2000
LONGEST_LABEL = 60
"""Characters. The longest class name of the data sets at hand has 45."""

FEWEST_CLASSES = 2
FEWEST_ROWS = 20
"""Of fewer rows a column that is called text is the text however empty it is."""

ID_NAME = re.compile(r"(^|_)(id|ids|idx|index|uuid|key|number|no|nr)$")
"""Folded names of columns that count or point at something; by content they can look like labels.
"""

CLEAR_LEAD = 2.0
"""How many times longer than the next column the text must be to be told by its length."""


def choose_columns(
    table: Table, *, text: str | None, label: str | None, label_required: bool, place: str
) -> tuple[str, str | None, str]:
    """The text column, the label column (None where there is none) and the reason.

    What is given wins, then well-known names, then what the columns hold.

    Raises:
        InputError: if a given column is not there, or nothing tells which column it is.
    """
    for given in (text, label):
        if given is not None and given not in table.columns:
            message = f"{place}: has no column {given!r}; it has: {_listed(table.columns)}"
            raise InputError(message)
    sampled = {name: _sample(cells) for name, cells in table.columns.items()}
    filled = {
        name: cells
        for name, cells in sampled.items()
        if any(cell not in (None, "") for cell in cells if not isinstance(cell, list | dict))
    }
    label_name, label_why = label, "given"
    if label is None:
        label_name, label_why = _named(_without(sampled, text), LABEL_NAMES, _few_values)
    text_name, text_why = text, "given"
    if text is None:
        text_name, text_why = _choose_text(_without(sampled, label_name), filled)
    if text_name is None:
        raise _ambiguous(table, place, "text")
    if label_name is None:
        label_name, label_why = _find_label(_without(filled, text_name), table)
    if label_name is None and label_required:
        raise (
            _ambiguous(table, place, "label")
            if len(filled) > 1
            else InputError(
                f"{place}: has only one column with content, {text_name!r}; training data needs a "
                "text column and a label column"
            )
        )
    reason = f"text is {text_name!r} ({text_why})"
    if label_name is not None:
        reason += f", label is {label_name!r} ({label_why})"
    return text_name, label_name, reason


def _choose_text(
    columns: Mapping[str, Sequence[object]], filled: Mapping[str, Sequence[object]]
) -> tuple[str | None, str]:
    """The text among columns that are not the label, by name where it is filled, or by content.

    A column that is mostly empty is the text only where no other could be.
    """
    used = {n: c for n, c in columns.items() if _mostly_filled(c)}
    for name, why in (
        _named(used, TEXT_NAMES, _no_numbers),
        _find_text({n: c for n, c in columns.items() if n in filled}),
    ):
        if name is not None:
            return name, why
    return (None, "") if used else _named(columns, TEXT_NAMES, _no_numbers)


def _without(
    columns: Mapping[str, Sequence[object]], taken: str | None
) -> Mapping[str, Sequence[object]]:
    return {name: cells for name, cells in columns.items() if name != taken}


def _sample(cells: Sequence[object]) -> list[object]:
    step = max(1, len(cells) // ROWS_LOOKED_AT)
    return list(itertools.islice(cells, 0, None, step))


def _listed(columns: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in columns)


def _ambiguous(table: Table, place: str, what: str) -> InputError:
    return InputError(
        f"{place}: which column is the {what} is not clear; it has: {_listed(table.columns)}. "
        f"Name it with --{what} COLUMN"
    )


def _named(
    columns: Mapping[str, Sequence[object]],
    known: Mapping[str, int],
    plausible: Callable[[Sequence[object]], bool],
) -> tuple[str | None, str]:
    ranked = sorted(
        (known[fold_name(name)], at, name)
        for at, name in enumerate(columns)
        if fold_name(name) in known and plausible(columns[name])
    )
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None, ""
    return ranked[0][2], "by its name"


def _few_values(cells: Sequence[object]) -> bool:
    """Whether values could be classes: short, and not a different one in every row of many."""
    values = [str(cell) for cell in cells if cell not in (None, "")]
    return max(map(len, values), default=0) <= 4 * LONGEST_LABEL


def _no_numbers(cells: Sequence[object]) -> bool:
    """Whether most values could be texts: strings, or nothing."""
    return sum(cell is None or isinstance(cell, str) for cell in cells) * 2 > len(cells)


def _mostly_filled(cells: Sequence[object]) -> bool:
    return len(cells) < FEWEST_ROWS or 2 * sum(cell not in (None, "") for cell in cells) >= len(
        cells
    )


def _strings(cells: Sequence[object]) -> list[str]:
    return [cell for cell in cells if isinstance(cell, str)]


def _find_text(columns: Mapping[str, Sequence[object]]) -> tuple[str | None, str]:
    textual = {n: c for n, c in columns.items() if len(_strings(c)) * 2 > len(c)}
    if not textual:
        return None, ""
    lengths = sorted(
        ((sum(map(len, _strings(c))) / len(c), n) for n, c in textual.items()), reverse=True
    )
    mean, name = lengths[0]
    varied = len(set(_strings(textual[name]))) * 4 > len(_strings(textual[name]))
    leads = len(lengths) == 1 or mean >= CLEAR_LEAD * lengths[1][0]
    if not leads or not varied:
        return None, ""
    return name, f"by its content: the longest and most varied texts, {mean:.0f} characters a row"


def _find_label(columns: Mapping[str, Sequence[object]], table: Table) -> tuple[str | None, str]:
    found: list[tuple[str, int]] = []
    for name, cells in columns.items():
        values = [c for c in cells if c not in (None, "") and isinstance(c, str | int | float)]
        distinct = {str(value) for value in values}
        if (
            not ID_NAME.search(fold_name(name))
            and len(values) * 2 > len(cells)
            and FEWEST_CLASSES <= len(distinct) <= len(values) / 2
            and max(map(len, distinct)) <= LONGEST_LABEL
            and (name in table.class_names or not any(isinstance(v, float) for v in values))
        ):
            found.append((name, len(distinct)))
    if len(found) != 1:
        return None, ""
    return found[0][0], f"by its content: few values that come again, {found[0][1]} of them"
