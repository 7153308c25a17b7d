"""W&B's own file of a run, `run-<id>.wandb`: history, configuration, summary, exit.

A header of 7 bytes, then blocks of 32,768 bytes. A block holds chunks: a checksum (CRC-32 of type
and bytes), a length, a type (whole, first, middle, last), the bytes; a record is one chunk or
several. A record is a message of `wandb_internal.proto`, whose fields are named here by number.
A damaged chunk costs its record, or the rest of its block where its length is what was damaged; a
half-written end is where reading stops.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import SUMMARY as CLOSING_NAMES
from tunewell.readers.logs.history_rows import HistoryRows
from tunewell.readers.logs.peek import head
from tunewell.readers.logs.wire import WireError, fields, messages, signed, text, zigzag

HEADER = b":W&B"
HEADER_BYTES = 7
BLOCK_BYTES = 32_768
CHUNK = struct.Struct("<IHB")
DAMAGED, WHOLE, FIRST, MIDDLE, LAST = range(5)
SUMS = {kind: zlib.crc32(bytes([kind])) for kind in (WHOLE, FIRST, MIDDLE, LAST)}

HISTORY, SUMMARY, CONFIG, METRIC, RUN, EXIT = 2, 3, 5, 12, 17, 18
"""Fields of a record."""

CLOSING = tuple(name.encode() for name in CLOSING_NAMES)
"""A summary is written after each row with the values of the row; few hold what is wanted."""

UPDATE, REMOVE = 1, 2
KEY, NESTED_KEY, VALUE_JSON = 1, 2, 16
FRACTION = re.compile(rb"-?\d+\.\d+(e[+-]?\d+)?")
"""What almost every value is, read faster than as JSON."""

BOOLEAN, INTEGER, NUMBER, TEXT, JSON = 4, 5, 6, 7, 8
"""Newer histories have values of their own types."""

RUN_ID, RUN_CONFIG, DISPLAY_NAME = 1, 4, 8


@dataclass(slots=True)
class WandbRun:
    """What the file tells beside the history. Of the summary the values logged once, at the end.

    `exit_code` is None where the run did not come to its exit.
    """

    name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def is_wandb_file(path: Path) -> bool:
    """Whether a file begins as W&B's do."""
    return head(path, len(HEADER)) == HEADER


def read_wandb_file(path: Path, rows: HistoryRows) -> WandbRun:
    """Read a run's file, the history into `rows`.

    Raises:
        InputError: if it cannot be read or is no such file.
    """
    run = WandbRun()
    for record in _records(path):
        try:
            _take(record, run, rows)
        except (WireError, struct.error):
            continue
    return run


def display_name(path: Path) -> str:
    """The run's name from the start of its file, empty where it tells none."""
    for count, record in enumerate(_records(path)):
        try:
            for run in messages(record, RUN):
                return text(run, DISPLAY_NAME)
        except WireError:
            continue
        if count > RUN:
            break
    return ""


def _records(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            if file.read(HEADER_BYTES)[: len(HEADER)] != HEADER:
                message = f"{path}: is not a W&B run file"
                raise InputError(message)
            parts: list[bytes] | None = None
            block = b"\0" * HEADER_BYTES + file.read(BLOCK_BYTES - HEADER_BYTES)
            start = HEADER_BYTES
            while len(block) > start:
                for kind, data in _chunks(block, start):
                    if kind in {WHOLE, FIRST}:
                        parts = [data]
                    elif parts is None or kind == DAMAGED:
                        parts = None
                        continue
                    else:
                        parts.append(data)
                    if kind in {WHOLE, LAST}:
                        yield b"".join(parts)
                        parts = None
                block, start = file.read(BLOCK_BYTES), 0
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None


def _chunks(block: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The chunks of a block. After a damaged one those follow that its length leads to, if any."""
    at = start
    while at + CHUNK.size <= len(block):
        told, length, kind = CHUNK.unpack_from(block, at)
        data = block[at + CHUNK.size : at + CHUNK.size + length]
        whole = len(data) == length and zlib.crc32(data, SUMS.get(kind, 0)) == told
        yield (kind, data) if whole and kind in SUMS else (DAMAGED, b"")
        at += CHUNK.size + length


def _take(record: bytes, run: WandbRun, rows: HistoryRows) -> None:
    for number, value in fields(record):
        if not isinstance(value, bytes):
            continue
        if number == HISTORY:
            _history(value, rows)
        elif number == SUMMARY and any(name in value for name in CLOSING):
            _update(value, run.summary)
        elif number == CONFIG:
            _update(value, run.config)
        elif number == METRIC:
            _metric(value, rows)
        elif number == RUN:
            run.name = text(value, DISPLAY_NAME) or run.name
            for config in messages(value, RUN_CONFIG):
                _update(config, run.config)
        elif number == EXIT:
            codes = [code for field_, code in fields(value) if field_ == 1]
            run.exit_code = signed(int(codes[-1])) if codes else 0


def _history(data: bytes, rows: HistoryRows) -> None:
    row: dict[str, Any] = {}
    step: int | None = None
    for number, value in fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            name, told = _item(value)
            if name:
                row[".".join(name)] = told
        else:
            # The count of calls; 0 is not written.
            step = next((signed(n) for f, n in fields(value) if f == 1 and isinstance(n, int)), 0)
    rows.add(row, step=step, time=math.nan)


def _item(data: bytes) -> tuple[tuple[str, ...], Any]:
    """The name, in parts where it is nested, and the value of an item."""
    key, nested = "", list[str]()
    told: Any = None
    for number, value in fields(data):
        if isinstance(value, int):
            told = bool(value) if number == BOOLEAN else zigzag(value)
        elif number == KEY:
            key = value.decode("utf-8", "replace")
        elif number == NESTED_KEY:
            nested.append(value.decode("utf-8", "replace"))
        elif number in {VALUE_JSON, JSON}:
            told = _json(value)
        elif number == NUMBER:
            (told,) = struct.unpack("<d", value)
        elif number == TEXT:
            told = value.decode("utf-8", "replace")
    return (tuple(nested) or ((key,) if key else ())), told


def _json(data: bytes) -> Any:  # noqa: ANN401
    try:
        return float(data) if FRACTION.fullmatch(data) else json.loads(data)
    except (ValueError, RecursionError):
        return None


def _update(data: bytes, into: dict[str, Any]) -> None:
    """Apply an update of the configuration or the summary."""
    for number, value in fields(data):
        if number not in {UPDATE, REMOVE} or not isinstance(value, bytes):
            continue
        name, told = _item(value)
        place = into
        for part in name[:-1]:
            inner = place.setdefault(part, {})
            place = inner if isinstance(inner, dict) else {}
        if name and number == UPDATE:
            place[name[-1]] = told
        elif name:
            place.pop(name[-1], None)


def _metric(data: bytes, rows: HistoryRows) -> None:
    name, pattern, axis = (text(data, number) for number in (1, 2, 4))
    if axis:
        rows.draw_over(name or pattern, axis, pattern=not name)
