"""Lightning's CSVLogger: `version_3/metrics.csv`, with hparams.yaml beside it.

A row holds what was logged at one moment, so that training and evaluation stand apart and most
cells are empty. The writer counts steps from 0, and so does the trace: 49 is the 50th update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tunewell.readers.logs.beside import settings_beside
from tunewell.readers.logs.built import gather, trace_of
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.peek import entries, head
from tunewell.readers.logs.table_rows import read_rows

NAME = "Lightning metrics.csv"
METRICS = "metrics.csv"
HPARAMS = "hparams.yaml"
LOGS = "lightning_logs"
VERSION = re.compile(r"version_(\d+)$")
STEP = "step"
HEADER_BYTES = 65536


def find(path: Path) -> Sequence[LoggedRun]:
    """The versions at a path: a metrics.csv, its folder, the folder of all, or the one above."""
    found = [
        LoggedRun(
            name=file.parent.name,
            path=file,
            format=NAME,
            when=file.stat().st_mtime,
            read=partial(_read, file),
        )
        for file in _files(path)
        if _is_metrics(file)
    ]
    return sorted(found, key=lambda run: (run.when, _version(run.path)), reverse=True)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield path / METRICS
    for folder in (path, path / LOGS):
        yield from (entry / METRICS for entry in entries(folder) if VERSION.search(entry.name))


def _version(file: Path) -> int:
    match = VERSION.search(file.parent.name)
    return int(match[1]) if match else -1


def _is_metrics(file: Path) -> bool:
    """Whether a file is a metrics.csv of Lightning: its name, its header and where it lies."""
    if file.name != METRICS or not file.is_file():
        return False
    header = head(file, HEADER_BYTES).decode("utf-8", "replace").partition("\n")[0].strip()
    told = VERSION.search(file.parent.name) is not None or (file.parent / HPARAMS).is_file()
    return told and {STEP} <= set(header.split(","))


def _read(file: Path) -> RunParts:
    rows = gather(read_rows(file), STEP, frozenset())
    return (
        trace_of(
            rows.run(0, len(rows)),
            source="Lightning metrics.csv",
            path=file,
            name=file.parent.name,
            settings=MappingProxyType(settings_beside(file.parent, (HPARAMS,))),
            framework="lightning",
        ),
        None,
    )


FORMAT = LogFormat(NAME, find)
