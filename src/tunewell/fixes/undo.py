"""Files written beside the user's own, with a record by which they can be taken back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewell.core.atomic import write_whole
from tunewell.core.errors import UserError

RECORD = Path(".tunewell") / "undo.json"


def undo(folder: Path) -> tuple[Path, ...]:
    """Remove what `apply_fixes` wrote in a folder, and give the paths that were removed.

    A file that was changed after it was written is left where it is.

    Raises:
        UserError: if nothing is recorded there, or a file cannot be removed.
    """
    record = folder / RECORD
    written = _read_record(record)
    if not written:
        message = f"{folder}: nothing to undo: no {RECORD} with repaired files"
        raise UserError(message)
    removed: list[Path] = []
    kept: dict[str, str] = {}
    for name, digest in written.items():
        path = folder / name
        if not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            kept[name] = digest
            continue
        try:
            path.unlink()
        except OSError as error:
            message = f"{path}: cannot be removed: {error.strerror}"
            raise UserError(message) from None
        removed.append(path)
    if kept and not removed:
        message = f"{folder}: {', '.join(kept)} was changed after it was written and is left there"
        raise UserError(message)
    if kept:
        _write_record(record, kept)
    else:
        record.unlink(missing_ok=True)
        if not any(record.parent.iterdir()):
            record.parent.rmdir()
    return tuple(removed)


def write_recorded(folder: Path, contents: Mapping[Path, bytes]) -> None:
    """Write files into `folder` so that `undo` can take them back.

    They are noted before they are written: a kill between the two leaves a record that can be used.

    Raises:
        UserError: if a file cannot be written, or one of that name is there that is not ours.
    """
    record = folder / RECORD
    written = _read_record(record)
    for path in contents:
        if path.exists() and path.name not in written:
            message = f"{path}: is there already and was not written by Tunewell; move it away"
            raise UserError(message)
    digests = {path.name: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    _write_record(record, written | digests)
    for path, data in contents.items():
        write_whole(path, data)


def _write_record(record: Path, written: dict[str, str]) -> None:
    value: dict[str, Any] = {"schema": 1, "written": written}
    write_whole(record, json.dumps(value, indent=1) + "\n")


def _read_record(record: Path) -> dict[str, str]:
    try:
        value = json.loads(record.read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in value["written"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        message = f"{record}: cannot be read; delete it if you do not need to undo"
        raise UserError(message) from None
