"""Logs of training runs. `read_trace` and `read_run` find out which kind a path holds."""

from __future__ import annotations

from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.logs.run_folder import EVENTS, read_events
from tunewell.readers.logs.trainer_state import find_state, read_trainer_state
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Trace

INSIDE = "tunewell"
"""Where the watcher puts its run folder inside the trainer's output folder."""


def read_trace(path: Path) -> Trace:
    """The run at a path: see `read_run`."""
    return read_run(path)[0]


def read_run(path: Path) -> tuple[Trace, ModelState | None]:
    """The run at a path, with the step-one proof where the watcher made one.

    A path is a run folder or its events.jsonl, a trainer's output or checkpoint folder, or a
    trainer_state.json.

    Raises:
        InputError: if the path holds no run.
    """
    if not path.exists():
        message = f"{path}: no such file or folder"
        raise InputError(message)
    if path.is_file():
        return read_events(path) if path.suffix == ".jsonl" else (read_trainer_state(path), None)
    for events in (path / EVENTS, path / INSIDE / EVENTS):
        if events.is_file():
            return read_events(events)
    if find_state(path) is not None:
        return read_trainer_state(path), None
    message = f"{path}: holds no run: neither {EVENTS} nor trainer_state.json is in it"
    raise InputError(message)
