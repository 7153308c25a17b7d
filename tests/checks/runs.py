"""Traces written down for the tests of checks of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from tunewell.readers.logs.columns import Points
from tunewell.subjects.trace import Trace
from tunewell.testing import trace

Logged = Mapping[int, float] | Sequence[float]


def run(columns: Mapping[str, Logged], **fields: Any) -> tuple[Trace]:  # noqa: ANN401  a trace has fields of every type
    """A run with these columns, whose names may hold what no keyword can."""
    return (dataclasses.replace(trace(**cast("Any", columns)), **fields),)


def noisy(values: Sequence[float], scatter: float = 0.02, seed: int = 0) -> list[float]:
    """The values with a scatter of this share of each."""
    rng = np.random.default_rng(seed)
    return [float(v * (1 + scatter * rng.standard_normal())) for v in values]


def line(first: float, last: float, count: int) -> list[float]:
    """A straight line of so many values."""
    return [float(value) for value in np.linspace(first, last, count)]


def resumed(
    before: Mapping[str, Mapping[int, float]],
    after: Mapping[str, Mapping[int, float]],
    *,
    at: int,
    settings: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
    **fields: Any,  # noqa: ANN401  as above
) -> tuple[Trace]:
    """A run that was taken up again after a step."""
    points = Points()
    for part in (before, after):
        for step in sorted({step for column in part.values() for step in column}):
            values = {name: column[step] for name, column in part.items() if step in column}
            points.add(step, values, resumed=False)
        if part is before:
            points.go_back(at, settings, previous)
    return (
        Trace(
            source="test",
            columns=MappingProxyType(points.columns()),
            superseded=MappingProxyType(points.superseded()),
            restarts=tuple(points.restarts),
            **fields,
        ),
    )
