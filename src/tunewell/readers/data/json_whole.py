"""Rows of a JSON file that holds one value: a list, an object of lists, or several splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tunewell.core.errors import InputError
from tunewell.readers.data.json_lines import read_json_lines
from tunewell.readers.data.json_recover import recover_rows
from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table, from_records
from tunewell.readers.encoding import ESCAPED
from tunewell.subjects.dataset import BrokenRow

WRAPPERS = ("data", "rows", "examples", "records", "items", "instances")
ALIASES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "eval": ("eval", "validation", "valid", "val", "dev", "evaluation"),
    "test": ("test", "testing"),
}
"""What the splits of one data set are called, by Tunewell's own names."""


def read_json(text: str, encoding: str, *, split: str, place: str) -> Table:
    """Read the text of a JSON file; one that turns out to be JSON Lines is read as that.

    Of a list with broken rows the others are read.

    Raises:
        InputError: if it is neither, or holds no rows.
    """
    try:
        value = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        first = text.lstrip()[:1]
        lines = read_json_lines(text, encoding) if first == "{" else None
        if lines is not None and lines.lines:
            return lines
        damaged = recover_rows(text, encoding)
        if damaged is not None:
            return damaged
        message = f"{place}: is not valid JSON: {error}"
        raise InputError(message) from None
    rows, note = _find_rows(value, split, place)
    notes = (note,) if note else ()
    if isinstance(rows, Mapping):
        return _by_column(rows, notes, encoding, place)
    records: list[tuple[int, Mapping[str, object]]] = []
    broken: list[BrokenRow] = []
    for number, row in enumerate(rows, start=1):
        record = _record(row)
        if record is None:
            broken.append(BrokenRow(number, "is not a JSON object"))
        elif sum(len(v) for v in record.values() if isinstance(v, str)) > MOST_ROW_CHARACTERS:
            problem = f"is longer than {MOST_ROW_CHARACTERS:,} characters"
            broken.append(BrokenRow(number, problem))
        elif any(isinstance(v, str) and not _is_clean(v) for v in record.values()):
            broken.append(BrokenRow(number, "holds bytes that are not valid UTF-8"))
        else:
            records.append((number, record))
    return from_records("json", records, broken, notes=notes, encoding=encoding)


def json_splits(text: str) -> tuple[str, ...]:
    """The splits of Tunewell that one JSON file holds by name; empty where it is a single one."""
    try:
        value = _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return ()
    if not isinstance(value, dict) or not _holds_splits(value):
        return ()
    return tuple(own for own, names in ALIASES.items() if any(name in value for name in names))


def _decode(text: str) -> object:
    # Escaped bytes cannot be encoded for the decoder; "surrogatepass" would hide where they were.
    if ESCAPED.search(text):
        import json  # noqa: PLC0415  slower, and the only one that lets the broken bytes through

        try:
            return json.loads(text)
        except ValueError as error:
            raise msgspec.DecodeError(str(error)) from None
    return msgspec.json.decode(text)


def _is_clean(text: str) -> bool:
    return text.isascii() or ESCAPED.search(text) is None


def _holds_splits(value: Mapping[str, object]) -> bool:
    rows = next((value[name] for name in ALIASES["train"] if name in value), None)
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict | list)


def _find_rows(
    value: object, split: str, place: str
) -> tuple[Sequence[object] | Mapping[str, Sequence[object]], str]:
    if isinstance(value, list):
        return value, ""
    if isinstance(value, dict):
        if _holds_splits(value):
            for name in ALIASES.get(split, (split,)):
                if isinstance(value.get(name), list):
                    return value[name], f"rows under {name!r}"
            message = f"{place}: has no split for {split}; it has: {', '.join(sorted(value))}"
            raise InputError(message)
        for name in WRAPPERS:
            if isinstance(value.get(name), list | dict):
                return value[name], f"rows under {name!r}"
        if value and all(isinstance(column, list) for column in value.values()):
            return value, ""
        if len(value) > 1 and all(isinstance(row, str | int | float) for row in value.values()):
            message = f"{place}: holds a single JSON object, not a list of rows"
            raise InputError(message)
    raise _no_rows(value, place)


def _no_rows(value: object, place: str) -> InputError:
    if isinstance(value, dict) and value and all(map(_names_a_file, value.values())):
        listed = ", ".join(str(entry.get("file_name", name)) for name, entry in value.items())
        return InputError(
            f"{place}: names data sets and holds none; pass the file itself, one of {listed}"
        )
    message = (
        f"{place}: holds no rows; a data file is a list of objects, an object of lists, "
        'or {"data": [...]}'
    )
    return InputError(message)


def _names_a_file(entry: object) -> bool:
    """Whether it is an entry of LLaMA-Factory's dataset_info.json."""
    return isinstance(entry, dict) and bool(
        entry.keys() & {"file_name", "hf_hub_url", "ms_hub_url", "script_url"}
    )


def _record(row: object) -> Mapping[str, object] | None:
    if isinstance(row, dict):
        return row
    if isinstance(row, list):
        return {f"column_{at}": cell for at, cell in enumerate(row, start=1)}
    return None


def _by_column(
    columns: Mapping[str, Sequence[object]], notes: tuple[str, ...], encoding: str, place: str
) -> Table:
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        message = f"{place}: the columns differ in length: {listed}"
        raise InputError(message)
    rows = next(iter(lengths.values()), 0)
    return Table("json", dict(columns), range(1, rows + 1), (), notes, encoding=encoding)
