"""The logs that real tools wrote, and what they hold (benchmarks/make_file_logs.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.readers.logs.names import trace_names
from tunewell.subjects.trace import Column, Trace

LOGS = Path(__file__).parents[2] / "fixtures" / "logs"

PRINTED = 6e-4
"""transformers 5 prints four significant digits: at most 5e-4 off, with room for the last bit."""


def truth(scenario: str) -> Any:  # noqa: ANN401  JSON
    """What a scenario's logs hold."""
    return json.loads((LOGS / "truth" / f"{scenario}.json").read_text(encoding="utf-8"))


def expected(points: Mapping[str, list[list[Any]]]) -> dict[str, dict[int, float]]:
    """Values by step, by the names of a trace; of a step that was logged twice the later."""
    names = trace_names(points)
    return {
        names[name]: {int(step): float(value) for step, value in logged}
        for name, logged in points.items()
    }


def held(column: Column) -> dict[int, float]:
    """A column's values by step."""
    return dict(zip(column.steps.tolist(), column.values.tolist(), strict=True))


def assert_points(
    trace: Trace, points: Mapping[str, list[list[Any]]], *, tolerance: float = 1e-12
) -> int:
    """Every point is read, at its step and with its value, and no other; how many there were."""
    count = 0
    for name, want in expected(points).items():
        got = held(trace.column(name))
        assert sorted(got) == sorted(want), name
        for step, value in want.items():
            assert np.isclose(got[step], value, rtol=tolerance, atol=1e-12, equal_nan=True), (
                name,
                step,
            )
        count += len(want)
    return count


def set_times(folder: Path, order: list[str]) -> None:
    """Let the files of an output folder be as old as they were: a checkout sets other times."""
    for at, name in enumerate(order):
        file = folder / name
        os.utime(file, (1_770_000_000 + at, 1_770_000_000 + at))
