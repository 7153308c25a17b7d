"""The record of models: which one came when, from what, and whether it was accepted."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import msgspec

from tunewell.core.errors import InputError

FILE_NAME = "models.jsonl"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. Times are UTC in ISO format, models are folders."""

    time: str
    decision: str
    current: str
    candidate: str
    train_rows: str
    reasons: tuple[str, ...]
    old_accuracy: tuple[float, float]
    new_accuracy: tuple[float, float]


def append(folder: Path, entry: Entry) -> Path:
    """Add a line to the record and make sure it is on the disk. Earlier lines never change."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    before = path.read_bytes() if path.is_file() else b""
    torn = bool(before) and not before.endswith(b"\n")
    with path.open("ab") as file:
        file.write((b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def entries(folder: Path) -> list[Entry]:
    """Every decision so far, oldest first; a line torn by a killed process is left out.

    Raises:
        InputError: if a whole line is no entry.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    found: list[Entry] = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=Entry))
        except msgspec.ValidationError:
            message = f"{path}, line {number}: is no record of a model; move the file away"
            raise InputError(message) from None
        except msgspec.DecodeError:
            continue
    return found


def accepted(folder: Path) -> Path | None:
    """The folder of the model that was accepted last, None where none was or it is gone."""
    for entry in reversed(entries(folder)):
        path = Path(entry.candidate)
        if entry.decision == "accept" and path.is_dir():
            return path
    return None


def now() -> str:
    """The time of an entry."""
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
