"""Logs of training runs. `find_runs` says which lie at a path, `read_run` reads one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.logs import (
    hugging_face,
    lightning_csv,
    llamafactory,
    mlflow,
    table_rows,
    tables,
    tensorboard,
    text_log,
    trackio,
    tunewell_folder,
    wandb,
)
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.tunewell_folder import INSIDE
from tunewell.subjects.remote import RemotePath
from tunewell.subjects.trace import Trace

__all__ = [
    "FORMATS",
    "INSIDE",
    "LOG_FOLDERS",
    "event_folders",
    "find_runs",
    "folder_runs",
    "format_names",
    "is_log_file",
    "newest_first",
    "pick",
    "read_run",
    "read_trace",
]

FORMATS: tuple[LogFormat, ...] = (
    tunewell_folder.FORMAT,
    hugging_face.FORMAT,
    wandb.FORMAT,
    mlflow.FORMAT,
    trackio.FORMAT,
    tensorboard.FORMAT,
    lightning_csv.FORMAT,
    llamafactory.FORMAT,
    tables.FORMAT,
    text_log.FORMAT,
)
"""In the order of preference: where a run was logged in two ways the first one is read."""

READ_WHOLE = (tables.FORMAT, text_log.FORMAT)
"""Formats whose runs are told only by reading the files: not looked for in every folder."""

NO_LOGS = frozenset({".json", ".py", ".md", ".yaml", ".yml", ".toml", ".safetensors"})
"""Suffixes of files that are no logs, or that are told by their names."""

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


LOG_FOLDERS = ("wandb", "mlruns", "lightning_logs")
"""Where tools put their logs inside a project. What lies there is a log or nothing."""


def event_folders(folder: Path) -> frozenset[Path]:
    """The folders at and below one that TensorBoard would show as runs."""
    return frozenset(run.path for run in tensorboard.FORMAT.find(folder))


def folder_runs(folder: Path, events: frozenset[Path] | None = None) -> tuple[LoggedRun, ...]:
    """The runs that a folder holds in the first format that is told by its names.

    Cheap, for walks over a whole project. A damaged trainer_state.json is no run here, and event
    files of TensorBoard count where they lie, not for every folder above.

    Args:
        folder: one folder of the walk.
        events: `event_folders` of the folder where the walk began, which knows that `train` and
            `validation` of Keras are parts of the run above.
    """
    for format_ in FORMATS:
        found = [] if format_ in READ_WHOLE else format_.find(folder)
        kept = [run for run in found if not hugging_face.is_damaged(run)]
        if format_ is tensorboard.FORMAT:
            whole = folder.name in LOG_FOLDERS
            kept = [
                run
                for run in kept
                if (whole or run.path == folder) and (events is None or run.path in events)
            ]
        if kept:
            return tuple(kept)
    return ()


def is_log_file(path: Path) -> tuple[str, str] | None:
    """The role of a file that holds logged values, and the reason; None for every other file.

    The role is "log", or "text-log" for printed text, in which error messages count too.
    """
    if isinstance(path, RemotePath) or not path.is_file() or path.suffix in NO_LOGS:
        return None
    if path.suffix in text_log.SUFFIXES:
        shows = text_log.is_printed_log(path)
        return ("text-log", "printed lines with values of a training") if shows else None
    if path.suffix in table_rows.SUFFIXES and not table_rows.log_head(path):
        return None
    for format_ in FORMATS:
        if format_ not in READ_WHOLE and (runs := format_.find(path)):
            return "log", f"holds {counted(len(runs), 'run')} ({format_.name})"
    if path.suffix in table_rows.SUFFIXES:
        return "log", "rows with a rising step and a loss"
    return None


def newest_first(paths: Iterable[Path]) -> tuple[LoggedRun, ...]:
    """The runs at several paths, each once, the newest first."""
    known: dict[tuple[Path, str], LoggedRun] = {}
    for path in paths:
        for run in (folder_runs(path) if path.is_dir() else ()) or find_runs(path):
            known.setdefault((run.path, run.name), run)
    return tuple(sorted(known.values(), key=lambda run: run.when, reverse=True))


def format_names() -> str:
    """What can be read, for people."""
    return ", ".join(format_.name for format_ in FORMATS)


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
        message = f"{path}: holds no run in a format that is known ({format_names()})"
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
