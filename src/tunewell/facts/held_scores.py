"""Whether a task's own score held while the evaluation loss rose."""

from __future__ import annotations

import math

import numpy as np

from tunewell.facts.evaluation_time import evaluated_rows
from tunewell.subjects.trace import Column, Trace

SCORES = ("eval_accuracy", "eval_f1")

LEAST_SHARE = 1 / 200
"""A fall that nobody would miss, a judgement; it is asked only of so many rows or more."""

ROUNDING = 1e-9


def held_score(trace: Trace, first: int, last: int, *, errors: float = 0.0) -> str:
    """The accuracy or F1 that is no lower at the evaluation of step `last` than at that of `first`.

    Where the log tells how many rows were evaluated, lower means by more than `errors` standard
    errors of the difference of two shares of so many rows, and of 200 rows or more by more than one
    in 200: of 320 rows one more that is wrong is no fall. "" where each score fell or none was
    logged.
    """
    rows = evaluated_rows(trace) or 0
    for name in SCORES:
        column = trace.column(name).finite
        if not len(column):
            continue
        before, after = _at(column, first), _at(column, last)
        margin = errors * _error(rows, before, after)
        if rows * LEAST_SHARE >= 1:
            margin = max(margin, LEAST_SHARE)
        if after >= before - margin - ROUNDING:
            return name.removeprefix("eval_")
    return ""


def _at(column: Column, step: int) -> float:
    """The value of the last evaluation up to a step, the first one's before it."""
    place = int(np.searchsorted(column.steps, step, side="right")) - 1
    return float(column.values[max(place, 0)])


def _error(rows: int, *shares: float) -> float:
    inside = [min(max(share, 0.0), 1.0) for share in shares]
    return math.sqrt(sum(p * (1 - p) for p in inside) / rows) if rows else 0.0
