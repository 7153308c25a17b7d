"""MLflow's runs: its database (`mlflow.db`) and its folder of files (`mlruns`).

The database keeps NaN as 0 with a mark, and infinity as the largest number there is. A metric
logged without a step stands at step 0 each time: a run of such is numbered in the order of its
times. Deleted runs and what MLflow measures of the machine (`system/`) are left out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.chronicle import Chronicle
from tunewell.readers.logs.columns import number, whole
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts, told_apart
from tunewell.readers.logs.mlflow_files import file_runs
from tunewell.readers.logs.sqlite import databases, opened, tables
from tunewell.readers.logs.tracker_trace import TrackedRun, literal

NAME = "MLflow"
NEEDED = {
    "runs": {"run_uuid", "status", "start_time", "end_time", "lifecycle_stage"},
    "metrics": {"key", "value", "timestamp", "run_uuid"},
    "params": {"key", "value", "run_uuid"},
}
DELETED = "deleted"
PARENT = "mlflow.parentRunId"
RUN_NAME = "mlflow.runName"
FINISHED = "FINISHED"
MACHINE = "system/"
LARGEST = sys.float_info.max
MILLISECONDS = 1000.0


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs of a database or of a folder of files, at a path or in a folder around it."""
    found = [run for file in databases(path) for run in _database_runs(file)]
    if path.is_dir():
        for kept in file_runs(path):
            read = partial(_read_files, kept.folder, kept.name, kept.points, kept.settings)
            found.append(
                LoggedRun(
                    name=kept.name,
                    path=kept.folder,
                    format=NAME,
                    when=kept.when,
                    read=partial(read, kept.status),
                )
            )
    return sorted(found, key=lambda run: run.when, reverse=True)


def _database_runs(file: Path) -> list[LoggedRun]:
    with opened(file) as connection:
        known = tables(connection)
        if not {"runs", "metrics", "params"} <= known.keys():
            return []
        _demand(file, known)
        names = _names(connection, known)
        last = dict(
            connection.execute("SELECT run_uuid, max(timestamp) FROM metrics GROUP BY run_uuid")
        )
        rows = connection.execute(
            "SELECT run_uuid, start_time, end_time FROM runs WHERE lifecycle_stage IS NOT ?",
            (DELETED,),
        ).fetchall()
    with_metrics = [row for row in rows if row[0] in last] or rows
    shown = told_apart({id_: names.get(id_) or id_ for id_, _, _ in with_metrics})
    return [
        LoggedRun(
            name=shown[id_],
            path=file,
            format=NAME,
            when=max(number(told) or 0.0 for told in (start, end, last.get(id_))) / MILLISECONDS,
            read=partial(_read, file, id_, shown[id_]),
        )
        for id_, start, end in with_metrics
    ]


def _demand(file: Path, known: Mapping[str, set[str]]) -> None:
    for table, columns in NEEDED.items():
        lacking = sorted(columns - known[table])
        if lacking:
            message = (
                f"{file}: looks like MLflow's database, but its table {table} has no column "
                f"{lacking[0]}: it is of a version that is not known"
            )
            raise InputError(message)


def _names(connection: Connection, known: Mapping[str, set[str]]) -> dict[str, str]:
    """What each run is called, after its parent where it has one."""
    names: dict[str, str] = {}
    parents: dict[str, str] = {}
    if "tags" in known:
        for id_, key, value in connection.execute(
            "SELECT run_uuid, key, value FROM tags WHERE key IN (?, ?)", (PARENT, RUN_NAME)
        ):
            (parents if key == PARENT else names)[id_] = value
    if "name" in known["runs"]:
        told = connection.execute("SELECT run_uuid, name FROM runs WHERE name <> ''")
        names |= dict(told)
    return {
        id_: f"{names[parents[id_]]}/{name}" if parents.get(id_) in names else name
        for id_, name in names.items()
    }


def _read(file: Path, id_: str, name: str) -> RunParts:
    with opened(file) as connection:
        columns = tables(connection)["metrics"]
        step = "step" if "step" in columns else "0"
        is_nan = "is_nan" if "is_nan" in columns else "0"
        points = connection.execute(
            f"SELECT key, value, timestamp, {step}, {is_nan} FROM metrics WHERE run_uuid = ?",  # noqa: S608 - names of ours
            (id_,),
        )
        run = TrackedRun(NAME, file, name, chronicle=_chronicle(_stored(points)))
        run.settings = {
            key: literal(value)
            for key, value in connection.execute(
                "SELECT key, value FROM params WHERE run_uuid = ?", (id_,)
            )
        }
        status = connection.execute("SELECT status FROM runs WHERE run_uuid = ?", (id_,)).fetchone()
    run.finished = status is not None and status[0] == FINISHED
    return run.trace(), None


def _read_files(
    folder: Path,
    name: str,
    points: Any,  # noqa: ANN401 - a callable
    settings: Any,  # noqa: ANN401
    status: str,
) -> RunParts:
    run = TrackedRun(NAME, folder, name, chronicle=_chronicle(points()), settings=settings())
    run.finished = status == FINISHED
    return run.trace(), None


Point = tuple[str, float, float, int]
"""Name, value, time in seconds, step."""


def _stored(rows: Iterable[tuple[Any, ...]]) -> Iterator[Point]:
    for key, kept, timestamp, step, is_nan in rows:
        value, time, at = number(kept), number(timestamp), whole(step)
        if value is None or time is None or at is None:
            continue
        if is_nan:
            value = math.nan
        elif abs(value) >= LARGEST:
            value = math.copysign(math.inf, value)
        yield str(key), value, time / MILLISECONDS, at


def _chronicle(points: Iterator[Point]) -> Chronicle:
    chronicle = Chronicle()
    for name, value, time, step in points:
        if not name.startswith(MACHINE):
            chronicle.put(name, step, value, time=time, at=time)
    chronicle.number_if_all_at_zero()
    return chronicle


FORMAT = LogFormat(NAME, find)
