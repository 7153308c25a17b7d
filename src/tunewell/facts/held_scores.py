"""Whether a task's own score fell between two evaluations by more than its rows explain."""

from __future__ import annotations

import numpy as np

from tunewell.facts.evaluation_time import evaluated_rows
from tunewell.subjects.trace import Column, Trace

SCORES = ("eval_accuracy", "eval_f1")

LEAST_SHARE = 1 / 200
ROUNDING = 1e-9


def score_that_held(trace: Trace, since: int, until: int) -> str:
    """The accuracy or F1 that stands at step `until` as it stood at `since`, "" if none does.

    Of 200 rows or more it may be lower by one in 200: a judgement of what nobody would miss. Of
    fewer, or where the log does not tell how many, it may not be lower at all: a standard error
    would excuse a fall that is real, the more so the fewer rows there are.
    """
    rows = evaluated_rows(trace) or 0
    for name in SCORES:
        column = trace.column(name).finite
        if not len(column):
            continue
        before, after = _at(column, since), _at(column, until)
        margin = LEAST_SHARE if rows * LEAST_SHARE >= 1 else 0.0
        if after >= before - margin - ROUNDING:
            return name.removeprefix("eval_")
    return ""


def _at(column: Column, step: int) -> float:
    """The value of the last evaluation up to a step, the first one's before it."""
    place = int(np.searchsorted(column.steps, step, side="right")) - 1
    return float(column.values[max(place, 0)])
