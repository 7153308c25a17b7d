"""Whether an evaluation's score held while its loss rose."""

from __future__ import annotations

import math

import numpy as np

from tunewell.subjects.trace import Column, Trace

SCORES = ("eval_accuracy", "eval_f1")


def held_score(trace: Trace, first: int, last: int, *, errors: float = 0.0) -> str:
    """The score that is no lower at the evaluation of step `last` than at that of `first`.

    Where the log tells how many rows were evaluated (seconds times rows a second), lower means by
    more than `errors` standard errors of the difference of two shares of so many rows: of 160 rows
    one more that is wrong is no fall. "" where each score fell or none was logged.
    """
    for name in SCORES:
        column = trace.column(name).finite
        if len(column):
            before, after = _at(column, first), _at(column, last)
            if after >= before - errors * _error(trace, before, after):
                return name.removeprefix("eval_")
    return ""


def _at(column: Column, step: int) -> float:
    place = int(np.searchsorted(column.steps, step).clip(0, len(column) - 1))
    return float(column.values[place])


def _error(trace: Trace, *shares: float) -> float:
    seconds = trace.column("eval_runtime").finite
    speed = trace.column("eval_samples_per_second").finite
    if not len(seconds) or not len(speed):
        return 0.0
    rows = float(np.median(seconds.values)) * float(np.median(speed.values))
    inside = [min(max(share, 0.0), 1.0) for share in shares]
    return math.sqrt(sum(p * (1 - p) for p in inside) / rows) if rows >= 1 else 0.0
