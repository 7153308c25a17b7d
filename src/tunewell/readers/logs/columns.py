"""Columns from logged rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tunewell.subjects.trace import Column

SUMMARY = (
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
    "total_flos",
)
"""What the Trainer logs once, at the end."""


def number(value: object) -> float | None:
    """A logged value as a number; NaN and infinity may be written as words. None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None


def columns_of(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, Column]:
    """Columns of (step, values) rows in the order they were logged.

    Where a run was resumed, steps go back: what the later part logged takes the place of what it
    repeats. Text values and other things that are no numbers are left out.
    """
    points: dict[str, dict[int, float]] = {}
    reached = 0
    for step, values in rows:
        if step < reached:
            for logged in points.values():
                for old in [known for known in logged if known > step]:
                    del logged[old]
        reached = step
        for name, value in values.items():
            taken = number(value)
            if taken is not None and name != "step":
                points.setdefault(name, {})[step] = taken
    made: dict[str, Column] = {}
    for name, logged in points.items():
        steps = sorted(logged)
        made[name] = Column(
            np.array(steps, dtype=np.int64),
            np.array([logged[step] for step in steps], dtype=np.float64),
        )
    return made


def whole(value: object) -> int | None:
    """A logged value as a whole number, None where it is none."""
    taken = number(value)
    return int(taken) if taken is not None and math.isfinite(taken) else None


def split_summary(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, float]:
    """Take the values that are logged once at the end out of the rows, and return them."""
    summary: dict[str, float] = {}
    for _, values in rows:
        for name in SUMMARY:
            taken = number(values.pop(name, None))
            if taken is not None:
                summary[name] = taken
    return summary
