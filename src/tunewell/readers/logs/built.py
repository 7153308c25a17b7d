"""A trace from the rows of a log: names translated, what was repeated kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tunewell.readers.logs.columns import number, whole
from tunewell.readers.logs.names import TIME_NAMES, renamed, trace_names
from tunewell.readers.logs.rows import LogRows, Run
from tunewell.subjects.trace import Trace

FIRST_TIME = 1e9
"""Seconds since 1970 in 2001: a smaller number is no time of the clock."""

PHASES = ("split", "phase", "mode", "stage", "subset")
"""Columns that say by a word which data a row is of."""

EVALUATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev"})


def gather(rows: Iterable[Mapping[str, Any]], step: str, skip: frozenset[str]) -> LogRows:
    """The rows of a table. Steps that are no whole numbers are counted instead.

    Args:
        rows: a mapping each.
        step: the column of steps.
        skip: columns that are no metrics.
    """
    made = LogRows()
    passed = skip | {step}
    for row in rows:
        taken = number(row.get(step))
        if taken is None or not np.isfinite(taken):
            continue
        told = whole(taken) if taken == int(taken) else None
        if told is None and step != "epoch":
            continue
        values: list[tuple[str, float]] = []
        before, time = _side(row), float("nan")
        for name, value in row.items():
            if name and name not in passed and (point := number(value)) is not None:
                values.append((before + name, point))
                if name in TIME_NAMES and point > FIRST_TIME:
                    time = point
        if values:
            made.add(len(made) + 1 if told is None else told, values, time)
    return made


def _side(row: Mapping[str, Any]) -> str:
    """What goes before the names of a row of another data set than the one trained on."""
    for name in PHASES:
        word = row.get(name)
        if isinstance(word, str):
            word = word.strip().lower()
            return "eval_" if word in EVALUATION else "test_" if word == "test" else ""
    return ""


def trace_of(
    run: Run,
    *,
    source: str,
    path: Path,
    name: str,
    also: Mapping[str, str] = MappingProxyType({}),
    **more: Any,  # noqa: ANN401  fields of Trace
) -> Trace:
    """A run as a trace.

    Args:
        run: what was logged.
        source: what the log is, for people.
        path: where it lies.
        name: what it is called.
        also: names of metrics that only this format uses.
        more: other fields of the trace.
    """
    columns, old = renamed(run.columns, also), renamed(run.superseded, also)
    names = trace_names([*columns, *(known for known in old if known not in columns)])
    return Trace(
        source=source,
        columns=MappingProxyType(renamed(columns, names)),
        path=path,
        name=name,
        superseded=MappingProxyType(renamed(old, names)),
        restarts=run.restarts,
        **more,
    )
