"""Histories exported from W&B's server: CSV, Parquet and JSON lines.

`run.history()` and `download_history_exports()` give a row for each call of `log`, with `_step`.
The web page exports a chart as CSV: `Step`, and `<run> - <metric>` for each run, with `__MIN` and
`__MAX` beside. A cell without text was not logged; what pandas wrote as CSV has lost its NaN.
`run.history()` gives 500 rows of any run unless asked for more: no reader can tell.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.history_rows import HistoryRows
from tunewell.readers.logs.logged_run import LoggedRun, RunParts
from tunewell.readers.logs.peek import head
from tunewell.readers.logs.tracker_trace import TrackedRun

NAME = "W&B exported history"
COUNT = "_step"
CHART_STEP = "Step"
BETWEEN = " - "
BOUNDS = ("__MIN", "__MAX")
HEAD_BYTES = 1 << 16
ROWS_AT_ONCE = 65_536


def find_export(path: Path) -> Sequence[LoggedRun]:
    """The runs in a file that was exported, nothing where the file is another."""
    names = _names(path)
    if COUNT in names:
        return [_logged(path, path.stem, partial(_read, path, None))]
    if names[:1] == [CHART_STEP] and any(BETWEEN in name for name in names):
        runs = dict.fromkeys(name.rpartition(BETWEEN)[0] for name in names if BETWEEN in name)
        return [_logged(path, run, partial(_read, path, run)) for run in runs]
    return []


def _logged(path: Path, name: str, read: Any) -> LoggedRun:  # noqa: ANN401 - a callable
    return LoggedRun(name=name, path=path, format=NAME, when=path.stat().st_mtime, read=read)


def _names(path: Path) -> list[str]:
    """The columns of a table, as far as its beginning tells them."""
    kind = path.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import
        from pyarrow import ArrowException  # noqa: PLC0415

        try:
            return [str(name) for name in pq.read_schema(path).names]
        except (ArrowException, OSError):
            return []
    if kind not in {".csv", ".jsonl"}:
        return []
    line = head(path, HEAD_BYTES).partition(b"\n")[0].decode("utf-8-sig", "replace")
    try:
        if kind == ".csv":
            return next(csv.reader([line]), [])
        first = json.loads(line)
    except (ValueError, RecursionError, csv.Error):
        return []
    return list(first) if isinstance(first, dict) else []


def _read(path: Path, name: str | None) -> RunParts:
    """All rows of the file, or those of one run of a chart."""
    run = TrackedRun(NAME, path, name or path.stem)
    rows = HistoryRows(run.chronicle)
    try:
        for row in _rows(path):
            if name is None:
                rows.add(row, step=None)
                continue
            before = f"{name}{BETWEEN}"
            values = {
                key.removeprefix(before): value
                for key, value in row.items()
                if key.startswith(before) and not key.endswith(BOUNDS)
            }
            rows.add({**values, COUNT: row.get(CHART_STEP)}, step=None)
    except (OSError, csv.Error) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise InputError(message) from None
    return run.trace(), None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        yield from _parquet_rows(path)
    elif kind == ".csv":
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from csv.DictReader(_whole_lines(file), restkey="")
    else:
        with path.open("rb") as file:
            for line in file:
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    continue  # half a line, where it was cut
                if isinstance(row, dict):
                    yield row


def _whole_lines(lines: Iterator[str]) -> Iterator[str]:
    """The lines without one that was cut: the web page's last has no line break but a quote."""
    for line in lines:
        if line.endswith(("\n", '"')):
            yield line.replace("\0", "")


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import
    from pyarrow import ArrowException  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except ArrowException as error:
        message = f"{path}: is damaged: {str(error).splitlines()[0]}"
        raise InputError(message) from None
