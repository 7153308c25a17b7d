"""Where a Tunewell run folder lies: given itself, as its file, or inside a trainer's output."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tunewell.readers.logs.logged_run import LogFormat, LoggedRun
from tunewell.readers.logs.peek import head
from tunewell.readers.logs.run_folder import EVENTS, read_events

INSIDE = "tunewell"
"""Where the watcher puts its run folder inside the trainer's output folder."""

NAME = "Tunewell run folder"
TELLING = b'"event"'


def find(path: Path) -> Sequence[LoggedRun]:
    """The run folder at a path, or the one inside it."""
    files = (path,) if path.is_file() else (path / EVENTS, path / INSIDE / EVENTS)
    for file in files:
        if file.suffix == ".jsonl" and file.is_file() and _is_events(file):
            folder = file.parent.parent if file.parent.name == INSIDE else file.parent
            return [
                LoggedRun(
                    name=folder.name,
                    path=file,
                    format=NAME,
                    when=file.stat().st_mtime,
                    read=partial(read_events, file),
                )
            ]
    return []


def _is_events(file: Path) -> bool:
    """An events.jsonl is taken for what its name says, another file by its first line."""
    if file.name == EVENTS:
        return True
    return TELLING in head(file, 65536).partition(b"\n")[0]


FORMAT = LogFormat(NAME, find)
