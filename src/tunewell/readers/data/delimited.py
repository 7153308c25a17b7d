"""Rows of CSV and TSV files."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tunewell.readers.data.names import LABEL_NAMES, TEXT_NAMES, fold_name
from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table
from tunewell.readers.encoding import ESCAPED, mended
from tunewell.subjects.dataset import BrokenRow

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
ROWS_LOOKED_AT = 50
MOST_RESTARTS = 20
"""Quotes that open and never close are recovered from this often: each costs a pass."""

NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(slots=True)
class _Rows:
    """Parsed rows with the line where each starts."""

    rows: list[list[str]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    broken: list[BrokenRow] = field(default_factory=list)


def read_delimited(text: str, suffix: str, encoding: str) -> Table:
    """Read the text of a CSV or TSV file.

    The delimiter is the one that cuts the first rows into the same number of fields. A first row
    that holds numbers, or a value that its own column repeats, is a row and not a header.
    """
    lines = io.StringIO(text, newline="").readlines()
    delimiter, why = _delimiter(lines, suffix)
    parsed = _parse(lines, delimiter, csv.QUOTE_MINIMAL)
    notes = [why]
    width = _width(parsed)
    if delimiter == "\t" and (parsed.broken or any(len(r) != width for r in parsed.rows)):
        # Many TSV files are written without quoting: a text may then begin with a quote mark.
        literal = _parse(lines, delimiter, csv.QUOTE_NONE)
        if _misfits(literal) < _misfits(parsed):
            parsed = literal
            notes.append("quote marks are part of the text")
    if not parsed.rows:
        return Table("csv", {}, (), tuple(parsed.broken), tuple(notes), {}, delimiter, encoding)
    names, has_header = _names(parsed.rows)
    if not has_header:
        notes.append("it has no header line")
    rows, starts = (
        (parsed.rows[1:], parsed.starts[1:])
        if has_header
        else (
            parsed.rows,
            parsed.starts,
        )
    )
    kept: list[list[str]] = []
    kept_starts: list[int] = []
    broken = list(parsed.broken)
    for given, start in zip(rows, starts, strict=True):
        row, problem = _understood(given, len(names))
        if problem is not None:
            broken.append(BrokenRow(start, problem))
            continue
        kept.append(row)
        kept_starts.append(start)
    broken.sort(key=lambda row: row.line)
    columns = {name: [row[at] for row in kept] for at, name in enumerate(names)}
    format_ = "tsv" if delimiter == "\t" else "csv"
    return Table(
        format_, columns, kept_starts, tuple(broken), tuple(notes), {}, delimiter, encoding
    )


def _understood(row: list[str], width: int) -> tuple[list[str], str | None]:
    """The row with letters of Windows-1252 read as such, and what is wrong with it."""
    if len(row) != width and not (len(row) > width and not any(row[width:])):
        fields = "field" if len(row) == 1 else "fields"
        return row, f"has {len(row)} {fields} where the first row has {width}"
    if all(cell.isascii() or not ESCAPED.search(cell) for cell in row):
        return row, None
    if mended("".join(row)) is None:
        return row, "holds bytes that are not valid UTF-8"
    return [mended(cell) or "" for cell in row], None


def _delimiter(lines: Sequence[str], suffix: str) -> tuple[str, str]:
    head = [line[:MOST_ROW_CHARACTERS] for line in lines[: 4 * ROWS_LOOKED_AT]]
    best, best_score, widths = ",", (0.0, 0.0), 1
    for delimiter in DELIMITERS:
        rows = _parse(head, delimiter, csv.QUOTE_MINIMAL, restarts=1).rows[:ROWS_LOOKED_AT]
        if not rows:
            continue
        width, agreeing = Counter(len(row) for row in rows).most_common(1)[0]
        if width == 1:
            continue
        share = agreeing / len(rows)
        likely = 1.0 if (delimiter == "\t") == (suffix == ".tsv") else 0.0
        # A header that falls into as many fields as the rows tells more than the rows alone.
        score = (share + (len(rows[0]) == width), likely)
        if score > best_score:
            best, best_score, widths = delimiter, score, width
    return best, f"{DELIMITERS[best]} cut its rows into {widths} fields"


def _parse(
    lines: Sequence[str], delimiter: str, quoting: int, restarts: int = MOST_RESTARTS
) -> _Rows:
    parsed = _Rows()
    at = 0
    usual = csv.field_size_limit(MOST_ROW_CHARACTERS)
    try:
        while at < len(lines):
            at = _parse_from(lines, at, parsed, delimiter, quoting, patient=restarts > 0)
            restarts -= 1
    finally:
        csv.field_size_limit(usual)
    return parsed


def _parse_from(
    lines: Sequence[str], at: int, parsed: _Rows, delimiter: str, quoting: int, *, patient: bool
) -> int:
    """Parse from line `at` (from 0) on; returns the line to go on at."""
    reader = csv.reader(
        lines[at:] if at else lines,
        delimiter=delimiter,
        quoting=quoting,  # type: ignore[arg-type]
    )
    while True:
        start = at + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return len(lines)
        except csv.Error:
            reached = at + reader.line_num
            if reached > start + 1 and patient:
                parsed.broken.append(
                    BrokenRow(start + 1, "opens a quote that does not close within the limit")
                )
                return start + 1
            parsed.broken.append(
                BrokenRow(start + 1, f"is longer than {MOST_ROW_CHARACTERS:,} characters")
            )
            continue
        end = at + reader.line_num
        if (
            end == len(lines)
            and end > start + 1
            and patient
            and _is_open(lines[start:end], delimiter)
        ):
            parsed.broken.append(
                BrokenRow(start + 1, "opens a quote that is closed nowhere in the file")
            )
            return start + 1
        if row and sum(map(len, row)) > MOST_ROW_CHARACTERS:
            parsed.broken.append(
                BrokenRow(start + 1, f"is longer than {MOST_ROW_CHARACTERS:,} characters")
            )
        elif row:
            parsed.rows.append(row)
            parsed.starts.append(start + 1)


def _is_open(lines: Sequence[str], delimiter: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _width(parsed: _Rows) -> int:
    return len(parsed.rows[0]) if parsed.rows else 0


def _misfits(parsed: _Rows) -> int:
    width = _width(parsed)
    return len(parsed.broken) + sum(len(row) != width for row in parsed.rows)


def _names(rows: Sequence[Sequence[str]]) -> tuple[list[str], bool]:
    first = [cell.strip() for cell in rows[0]]
    if not _is_header(first, rows[1:]):
        return [f"column_{at}" for at in range(1, len(first) + 1)], False
    names: list[str] = []
    for at, cell in enumerate(first, start=1):
        name = cell or f"column_{at}"
        while name in names:
            name += "_again"
        names.append(name)
    return names, True


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    if any(fold_name(cell) in TEXT_NAMES or fold_name(cell) in LABEL_NAMES for cell in first):
        return True
    if list(first) == [str(at) for at in range(len(first))]:
        return True  # what pandas writes over columns without names
    if any(NUMBER.fullmatch(cell) for cell in first):
        return False
    # A label of the first row comes again below it; a column's name does not.
    return not any(
        cell and sum(len(row) > at and row[at] == cell for row in rest) > 1
        for at, cell in enumerate(first)
    )
