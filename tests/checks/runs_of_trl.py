"""Traces of real TRL runs, and such written down for what a real run does not show."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewell.readers.logs import read_trace
from tunewell.subjects.trace import Column, Trace

RUNS = Path(__file__).parents[1] / "fixtures" / "runs" / "trl"


def run(name: str) -> Trace:
    """A run of tests/fixtures/runs/trl, such as `healthy/kto`."""
    return read_trace(RUNS / name)


def until(trace: Trace, step: int) -> Trace:
    """The run as it was seen live at a step."""
    columns = {}
    for name, column in trace.columns.items():
        seen = column.steps <= step
        if seen.any():
            columns[name] = Column(column.steps[seen], column.values[seen])
    return dataclasses.replace(trace, columns=columns, finished=False, kept_step=None)


def changed(trace: Trace, **columns: Sequence[float] | NDArray[np.float64] | None) -> Trace:
    """The run with other values in some columns, by name with `__` for `/`; None takes one out."""
    made = dict(trace.columns)
    for key, values in columns.items():
        name = key.replace("__", "/")
        if values is None:
            del made[name]
            continue
        given = np.asarray(values, dtype=np.float64)
        steps = made[name].steps if name in made else made["loss"].steps
        made[name] = Column(steps[: len(given)], given)
    return dataclasses.replace(trace, columns=made)
