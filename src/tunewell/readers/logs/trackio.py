"""Trackio's databases, one for each project: `<project>.db`, metrics as JSON, a row for each log.

Values that are not finite are the texts NaN, Infinity and -Infinity. Older databases tell runs
apart by their names alone. What Trackio measures of the machine, its alerts and its traces are left
out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.history_rows import HistoryRows
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts, told_apart
from tunewell.readers.logs.sqlite import databases, opened, tables
from tunewell.readers.logs.tracker_trace import TrackedRun

NAME = "Trackio"
INSIDE = "trackio"
NEEDED = ("timestamp", "step", "metrics")
OWN = "_"
"""What Trackio adds to a configuration begins so: user, group, time."""


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs of a project's database, or of those in a folder, the newest first."""
    found = [run for file in databases(path, INSIDE) for run in _runs(file)]
    return sorted(found, key=lambda run: run.when, reverse=True)


def _runs(file: Path) -> list[LoggedRun]:
    with opened(file) as connection:
        columns = tables(connection).get("metrics", set())
        if "run_name" not in columns:
            return []
        lacking = [column for column in NEEDED if column not in columns]
        if lacking:
            message = (
                f"{file}: looks like Trackio's database, but its table metrics has no column "
                f"{lacking[0]}: it is of a version that is not known"
            )
            raise InputError(message)
        key = "run_id" if "run_id" in columns else "run_name"
        rows = connection.execute(
            f"SELECT {key}, max(run_name), max(timestamp) FROM metrics GROUP BY {key}"  # noqa: S608 - names of ours
        ).fetchall()
    names = told_apart({str(id_): str(name) for id_, name, _ in rows})
    return [
        LoggedRun(
            name=names[str(id_)],
            path=file,
            format=NAME,
            when=_seconds(last, file.stat().st_mtime),
            read=partial(_read, file, key, id_, names[str(id_)]),
        )
        for id_, _, last in rows
    ]


def _read(file: Path, key: str, id_: object, name: str) -> RunParts:
    run = TrackedRun(NAME, file, name)
    rows = HistoryRows(run.chronicle)
    with opened(file) as connection:
        logged = connection.execute(
            f"SELECT step, timestamp, metrics FROM metrics WHERE {key} IS ? ORDER BY rowid",  # noqa: S608
            (id_,),
        )
        for step, timestamp, metrics in logged:
            told = _json(metrics)
            if isinstance(step, int):
                rows.add(told, step=step, time=_seconds(timestamp, math.nan))
        known = tables(connection).get("configs", set())
        if {key, "config"} <= known:
            for (config,) in connection.execute(
                f"SELECT config FROM configs WHERE {key} IS ?",  # noqa: S608
                (id_,),
            ):
                run.settings |= _json(config)
    run.settings = {
        setting: value for setting, value in run.settings.items() if not setting.startswith(OWN)
    }
    return run.trace(), None


def _json(data: object) -> dict[str, Any]:
    """A row's JSON, text or bytes; nothing where it is damaged."""
    if not isinstance(data, str | bytes):
        return {}
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(stamp: object, otherwise: float) -> float:
    """Seconds since 1970 of a time as ISO 8601, in universal time where it names no zone."""
    try:
        told = datetime.fromisoformat(str(stamp))
    except ValueError:
        return otherwise
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


FORMAT = LogFormat(NAME, find)
