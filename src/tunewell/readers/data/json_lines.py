"""Rows of JSON Lines files."""

from __future__ import annotations

import msgspec

from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table, from_records
from tunewell.readers.encoding import ESCAPED
from tunewell.subjects.dataset import BrokenRow


def read_json_lines(text: str, encoding: str) -> Table:
    """Read a file that has one JSON object a line. Blank lines are passed over."""
    records: list[tuple[int, dict[str, object]]] = []
    broken: list[BrokenRow] = []
    decode = msgspec.json.Decoder().decode
    # Only line feeds end a line: JSON strings may hold every other separator as it is.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.isspace():
            continue
        if len(line) > MOST_ROW_CHARACTERS:
            problem = f"is longer than {MOST_ROW_CHARACTERS:,} characters"
            broken.append(BrokenRow(number, problem))
            continue
        if not line.isascii() and ESCAPED.search(line):
            broken.append(BrokenRow(number, "holds bytes that are not valid UTF-8"))
            continue
        try:
            record = decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            broken.append(BrokenRow(number, f"is not valid JSON: {error}"))
            continue
        if not isinstance(record, dict):
            broken.append(BrokenRow(number, "is not a JSON object"))
            continue
        records.append((number, record))
    return from_records("jsonl", records, broken, encoding=encoding)
