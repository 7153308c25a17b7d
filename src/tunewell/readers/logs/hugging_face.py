"""Where a Hugging Face Trainer leaves its log: the file, a checkpoint, an output folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.trainer_state import find_state, read_trainer_state

NAME = "Hugging Face trainer_state.json"


def find(path: Path) -> Sequence[LoggedRun]:
    """The newest trainer_state.json of a path; any other JSON file is read as one too."""
    if path.is_file() and path.suffix != ".json":
        return []
    file = find_state(path)
    if file is None:
        return []
    return [
        LoggedRun(
            name=path.name if path.is_dir() else path.parent.name,
            path=file,
            format=NAME,
            when=file.stat().st_mtime,
            read=partial(_read, path),
        )
    ]


def _read(path: Path) -> RunParts:
    return read_trainer_state(path), None


FORMAT = LogFormat(NAME, find)
