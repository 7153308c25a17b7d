"""The rows of a JSON list in which something is broken: what can be read, and where it cannot."""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Mapping

from tunewell.readers.data.table import Table, from_records
from tunewell.subjects.dataset import BrokenRow

BETWEEN = re.compile(r"[\s,]*")
NEXT_OBJECT = re.compile(r"(?:\}|\n)\s*,?\s*(?=\{)")
MOST_TRIES = 10_000
"""Places after a fault where the next row may begin; more tell of a file that is no list of rows.
"""


def recover_rows(text: str, encoding: str) -> Table | None:
    """The readable objects of a list, with the line of each that is not; None if there is none.

    After a fault the next row is the first object with a column that the rows before it have, so
    that an object inside the broken row is not taken for a row.
    """
    at = BETWEEN.match(text).end()  # type: ignore[union-attr]
    if text[at : at + 1] != "[":
        return None
    breaks = [match.start() for match in re.finditer("\n", text)]
    decode = json.JSONDecoder().raw_decode
    records: list[tuple[int, Mapping[str, object]]] = []
    broken: list[BrokenRow] = []
    columns: set[str] = set()
    at, tries = at + 1, 0
    while True:
        at = BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text) or text[at] == "]":
            break
        line = bisect.bisect_left(breaks, at) + 1
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError) as error:
            found = _next_row(text, at, columns) if tries < MOST_TRIES else None
            tries += 1
            goes_on = "nothing after it can be read"
            if found is not None:
                goes_on = f"reading goes on at line {bisect.bisect_left(breaks, found) + 1:,}"
            broken.append(BrokenRow(line, f"is not valid JSON: {_where(error)}; {goes_on}"))
            if found is None:
                break
            at = found
            continue
        if isinstance(value, dict):
            columns |= value.keys()
            records.append((line, value))
        else:
            broken.append(BrokenRow(line, "is not a JSON object"))
    if not records:
        return None
    note = "the list is damaged, and its rows were read one by one"
    return from_records("damaged json", records, broken, notes=(note,), encoding=encoding)


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno:,}, column {error.colno:,})"
    return "nested too deeply"


def _next_row(text: str, at: int, columns: set[str]) -> int | None:
    decode = json.JSONDecoder().raw_decode
    for tries, match in enumerate(NEXT_OBJECT.finditer(text, at + 1)):
        if tries > MOST_TRIES:
            return None
        try:
            value, _ = decode(text, match.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and (
            value.keys() & columns if columns else _is_row(text, match.end())
        ):
            return match.end()
    return None


def _is_row(text: str, at: int) -> bool:
    """Whether the objects from `at` on are rows: the list that holds them ends where the text does.

    The list of an object inside a row ends before.
    """
    decode = json.JSONDecoder().raw_decode
    while at < len(text) and text[at] != "]":
        try:
            _, at = decode(text, at)
        except (ValueError, RecursionError):
            return False
        at = BETWEEN.match(text, at).end()  # type: ignore[union-attr]
    return not text[at + 1 :].strip()
