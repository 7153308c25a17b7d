"""Rows of JSON Lines files."""

from __future__ import annotations

import codecs
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator

import msgspec

from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table, from_records
from tunewell.readers.encoding import mended
from tunewell.subjects.dataset import BrokenRow

BATCH_BYTES = 32 * 2**20


def read_json_lines(text: str, encoding: str) -> Table:
    """Read the text of a file that has one JSON object a line. Blank lines are passed over."""
    # Only line feeds end a line: JSON strings may hold every other separator as it is.
    return _read(enumerate(text.split("\n"), start=1), encoding)


def stream_json_lines(
    chunks: Iterable[bytes], encoding: str, damage: Callable[[], str | None] = lambda: None
) -> Iterator[Table]:
    """Read a file of any size that comes in pieces of bytes, one table for each `BATCH_BYTES`.

    `damage` is asked after the last piece: what it says stands for the row in which the data ends.

    Raises:
        UnicodeDecodeError: if it is not valid in its encoding.
    """
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    pending: list[str] = []
    size, number = 0, 1
    for chunk in itertools.chain(chunks, [b""]):
        problem = None if chunk else damage()
        pending.append(decoder.decode(chunk, final=not chunk and problem is None))
        size += len(chunk)
        if chunk and size < BATCH_BYTES:
            continue
        whole, ended, rest = "".join(pending).rpartition("\n")
        lines = whole.split("\n") if ended else []
        if not chunk and problem is None:
            lines.append(rest)
        table = _read(enumerate(lines, start=number), encoding)
        if problem is not None:
            end = BrokenRow(number + len(lines), problem, ends_file=True)
            table = dataclasses.replace(table, broken=(*table.broken, end))
        yield table
        number += len(lines)
        pending, size = [rest], 0


def _read(lines: Iterable[tuple[int, str]], encoding: str) -> Table:
    records: list[tuple[int, dict[str, object]]] = []
    broken: list[BrokenRow] = []
    decode = msgspec.json.Decoder().decode
    for number, line in lines:
        if not line or line.isspace():
            continue
        if len(line) > MOST_ROW_CHARACTERS:
            problem = f"is longer than {MOST_ROW_CHARACTERS:,} characters"
            broken.append(BrokenRow(number, problem))
            continue
        read = line if line.isascii() else mended(line)
        if read is None:
            broken.append(BrokenRow(number, "holds bytes that are not valid UTF-8"))
            continue
        try:
            record = decode(read)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            broken.append(BrokenRow(number, f"is not valid JSON: {error}"))
            continue
        if not isinstance(record, dict):
            broken.append(BrokenRow(number, "is not a JSON object"))
            continue
        records.append((number, record))
    return from_records("jsonl", records, broken, encoding=encoding)
