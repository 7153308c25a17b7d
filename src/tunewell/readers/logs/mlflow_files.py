"""MLflow's folder of files: `mlruns/<experiment>/<run>/{meta.yaml, metrics, params, tags}`.

A metric's file has a line `time value step` for each point, time in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import number, whole
from tunewell.readers.logs.logged_run import told_apart
from tunewell.readers.logs.peek import entries
from tunewell.readers.logs.tracker_trace import literal

META = "meta.yaml"
INSIDE = "mlruns"
LINE = re.compile(r"^(?P<key>\w+): *(?P<value>.*?)\s*$", re.MULTILINE)
STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
PARENT = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True)
class FileRun:
    """A run that was found; points (name, value, seconds, step) and settings are read on demand."""

    folder: Path
    name: str
    status: str
    when: float
    points: Callable[[], Iterator[tuple[str, float, float, int]]]
    settings: Callable[[], dict[str, Any]]


def file_runs(path: Path) -> list[FileRun]:
    """The runs of a store, an experiment, a run's own folder, or a folder with `mlruns` in it."""
    found = {}
    for folder in _run_folders(path):
        meta = _meta(folder)
        if meta.get("lifecycle_stage") != "deleted" and entries(folder / "metrics"):
            found[folder] = meta
    names = {folder.name: meta.get("run_name") or folder.name for folder, meta in found.items()}
    for folder in found:
        parent = _text(folder / "tags" / PARENT).strip()
        if parent in names:
            names[folder.name] = f"{names[parent]}/{names[folder.name]}"
    shown = told_apart(names)
    return [
        FileRun(
            folder=folder,
            name=shown[folder.name],
            status=STATUS.get(meta.get("status", ""), meta.get("status", "")),
            when=max(entry.stat().st_mtime for entry in (folder, *entries(folder / "metrics"))),
            points=partial(_points, folder / "metrics"),
            settings=partial(_settings, folder / "params"),
        )
        for folder, meta in found.items()
    ]


def _run_folders(path: Path) -> Iterator[Path]:
    for store in (path, path / INSIDE):
        if (store / META).is_file() and "run_id" in _meta(store):
            yield store
        else:
            for entry in _below(store):
                if "run_id" in (meta := _meta(entry)):
                    yield entry
                elif "experiment_id" in meta:
                    yield from (run for run in _below(entry) if "run_id" in _meta(run))


def _below(folder: Path) -> list[Path]:
    return [entry for entry in entries(folder) if (entry / META).is_file()]


def _meta(folder: Path) -> dict[str, str]:
    """The flat YAML that MLflow writes: a name and a plain or quoted value on each line."""
    return {
        match["key"]: match["value"].strip("'\"") for match in LINE.finditer(_text(folder / META))
    }


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _points(folder: Path) -> Iterator[tuple[str, float, float, int]]:
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        name = file.relative_to(folder).as_posix()
        try:
            with file.open("rb") as lines:
                for line in lines:
                    point = _point(line)
                    if point is not None:
                        yield name, *point
        except OSError as error:
            message = f"{file}: cannot be read: {error.strerror}"
            raise InputError(message) from None


def _point(line: bytes) -> tuple[float, float, int] | None:
    """Value, seconds and step of a line; None for half a line."""
    parts = line.decode("utf-8", "replace").split()
    if not line.endswith(b"\n") or len(parts) < 2:  # noqa: PLR2004 - time and value
        return None
    time, value = number(parts[0]), number(parts[1])
    step = whole(parts[2]) if len(parts) > 2 else 0  # noqa: PLR2004
    if time is None or value is None or step is None:
        return None
    return value, time / 1000, step


def _settings(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        return {}
    return {
        file.relative_to(folder).as_posix(): literal(_text(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
