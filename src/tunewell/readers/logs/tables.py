"""Plain CSV and JSON Lines with a column of steps, as many loggers and pandas write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

from tunewell.readers.logs.beside import settings_beside
from tunewell.readers.logs.built import gather, trace_of
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.peek import entries
from tunewell.readers.logs.rows import Run
from tunewell.readers.logs.table_rows import SUFFIXES, log_head, read_rows, step_column

NAME = "CSV or JSON Lines with a step column"
MOST_FILES = 200
"""Files of a folder whose first rows are looked at."""

NO_METRICS = frozenset({"Unnamed: 0", "index"})
OF_TINKER = "metrics.jsonl"
TINKER_NAMES = {
    "train_mean_nll": "loss",
    "optim/lr": "learning_rate",
    "optim/entropy": "entropy",
    "test/nll": "eval_loss",
    "env/all/reward/total": "reward",
}
"""The Tinker cookbook's names. It evaluates while it trains and calls those rows test."""


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs in a file, or in each file of a folder that is a log."""
    files = [path] if path.is_file() else entries(path)
    likely = [file for file in files if file.suffix in SUFFIXES][:MOST_FILES]
    found = [run for file in likely if log_head(file) for run in _runs_in(file)]
    return sorted(found, key=lambda run: run.when, reverse=True)


def _runs_in(file: Path) -> list[LoggedRun]:
    """The runs that were appended to one file, the last first."""
    changed = file.stat()
    runs = _read(file, changed.st_mtime_ns, changed.st_size)[1]
    return [
        LoggedRun(
            name=file.name if len(runs) == 1 else f"{file.name}:{at + 1}",
            path=file,
            format=NAME,
            when=changed.st_mtime - (len(runs) - 1 - at) * 1e-3,
            read=partial(_trace, file, at),
        )
        for at in reversed(range(len(runs)))
    ]


@cache
def _read(file: Path, _changed: int, _size: int) -> tuple[str, list[Run]]:
    """The name of the step column, and the runs; once for each state of a file."""
    head = log_head(file)
    step = step_column(list(dict.fromkeys(name for row in head for name in row))) or "step"
    rows = gather(read_rows(file), step, NO_METRICS)
    rows.drop_fillers()
    runs = rows.runs()
    return step, [run for run in runs if run.trains] or runs


def _trace(file: Path, at: int) -> RunParts:
    changed = file.stat()
    step, runs = _read(file, changed.st_mtime_ns, changed.st_size)
    run = runs[min(at, len(runs) - 1)]
    tinker = file.name == OF_TINKER
    settings = settings_beside(file.parent, ("config.json",)) if tinker else {}
    return (
        trace_of(
            run,
            source=f"{file.suffix.removeprefix('.').upper()} with steps in the column {step}",
            path=file,
            name=file.name if len(runs) == 1 else f"{file.name}:{at + 1}",
            also=TINKER_NAMES if tinker else {},
            settings=MappingProxyType(settings),
        ),
        None,
    )


FORMAT = LogFormat(NAME, find)
