"""What the watcher's samples of layers say: how far weights moved, which part has no gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.trace import Column, Trace

Values = NDArray[np.float64]

UPDATE = "update_ratio/"
GRADIENT = "gradient_rms/"
WEIGHT = "weight_rms/"

LOOKED_UP = ("embed", "wte", "wpe", "lookup")
"""Parts of names of layers of which a step touches some rows only: a sample may miss them all."""


def sampled(trace: Trace, prefix: str) -> dict[str, Column]:
    """The finite points of each layer's column, without layers that have none."""
    found = {name: column.finite for name, column in trace.columns_under(prefix).items()}
    return {name: column for name, column in found.items() if len(column)}


def rate_at(trace: Trace, steps: NDArray[np.int64]) -> Values:
    """The learning rate that was logged nearest to each step, NaN where none was logged."""
    rates = trace.column("learning_rate").finite
    if not len(rates):
        return np.full(len(steps), np.nan)
    return np.asarray(np.interp(steps, rates.steps, rates.values))


def path(column: Column, last_step: int) -> float:
    """How far a layer can have moved at most over the whole run, against its weights.

    The sum of all updates if each went the same way: the sampled ratios, by the trapezium rule over
    the steps, with the first and last sample held to the ends.
    """
    inner = float(np.trapezoid(column.values, column.steps))
    before = float(column.values[0]) * float(column.steps[0])
    after = float(column.values[-1]) * float(last_step - column.steps[-1])
    return inner + before + after


def longest_path(trace: Trace) -> float | None:
    """The longest `path` of all layers; None where no updates were sampled."""
    paths = [path(column, trace.last_step) for column in sampled(trace, UPDATE).values()]
    return max(paths) if paths else None
