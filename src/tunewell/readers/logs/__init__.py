"""Logs of training runs. `find_runs` says which lie at a path, `read_run` reads one."""

from __future__ import annotations

from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.logs import (
    hugging_face,
    lightning_csv,
    llamafactory,
    tables,
    text_log,
    tunewell_folder,
)
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.tunewell_folder import INSIDE
from tunewell.subjects.trace import Trace

__all__ = ["FORMATS", "INSIDE", "find_runs", "read_run", "read_trace"]

FORMATS: tuple[LogFormat, ...] = (
    tunewell_folder.FORMAT,
    hugging_face.FORMAT,
    lightning_csv.FORMAT,
    llamafactory.FORMAT,
    tables.FORMAT,
    text_log.FORMAT,
)
"""In the order of preference: where a run was logged in two ways the first one is read."""

NAMES_SHOWN = 8


def find_runs(path: Path) -> tuple[LoggedRun, ...]:
    """The runs at a path, the newest first, all of the first format that knows it.

    Raises:
        InputError: if there is no such path.
    """
    if not path.exists():
        message = f"{path}: no such file or folder"
        raise InputError(message)
    for format_ in FORMATS:
        found = tuple(format_.find(path))
        if found:
            return found
    return ()


def read_trace(path: Path) -> Trace:
    """The run at a path: see `read_run`."""
    return read_run(path)[0]


def read_run(path: Path, name: str | None = None) -> RunParts:
    """The run at a path, with the step-one proof where the watcher made one.

    Of several the newest is taken, or the one that is called `name`, or whose name ends with it.

    Raises:
        InputError: if the path holds no run, or none of that name.
    """
    found = find_runs(path)
    if not found:
        kinds = ", ".join(format_.name for format_ in FORMATS)
        message = f"{path}: holds no run in a format that is known ({kinds})"
        raise InputError(message)
    return pick(found, path, name).read()


def pick(found: tuple[LoggedRun, ...], path: Path, name: str | None) -> LoggedRun:
    """The newest run, or the one of that name.

    Raises:
        InputError: if none or several are called so.
    """
    if name is None:
        return found[0]
    exact = [run for run in found if run.name == name]
    meant = exact or [run for run in found if run.name.endswith(name)]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(run.name for run in found[:NAMES_SHOWN])
    more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
    what = f"{counted(len(meant), 'run')} called {name!r}" if meant else f"no run called {name!r}"
    message = f"{path}: {what}; the runs are {names}{more}"
    raise InputError(message)
