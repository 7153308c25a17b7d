"""Passes over the data as the log tells of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.trace import Column, Trace


@dataclass(frozen=True, slots=True)
class Pass:
    """The places of the points that lie wholly within one pass over the data."""

    number: int
    places: NDArray[np.int64]


LEAST = 1e-9
"""Share of a pass below which a logged epoch is none: no data has so many rows."""


def steps_a_pass(trace: Trace) -> float | None:
    """Optimizer steps of one pass, from the logged epochs; None where they do not tell."""
    epochs = trace.column("epoch").finite
    keep = epochs.values > LEAST
    if keep.sum() < 3:  # noqa: PLR2004  the steps of one log may be rounded
        return None
    ratios = epochs.steps[keep] / epochs.values[keep]
    middle = float(np.median(ratios))
    # Where a run was resumed with another batch size no single number is right.
    if middle < 1 or float(np.abs(ratios[len(ratios) // 2 :] / middle - 1).max()) > 0.05:  # noqa: PLR2004
        return None
    return middle


def passes(trace: Trace, column: Column, least: int) -> list[Pass]:
    """The passes of which a column has at least `least` points that lie wholly inside.

    A logged mean over steps of two passes belongs to neither.
    """
    length = steps_a_pass(trace)
    if length is None or len(column) < 2:  # noqa: PLR2004  no distance between points
        return []
    window = float(np.median(np.diff(column.steps)))
    begins = (column.steps - window) / length
    number = np.floor(begins + 1e-6).astype(np.int64)
    ends = column.steps / length
    inside = ends <= number + 1 + 1e-6
    found = []
    for one in np.unique(number).tolist():
        places = np.flatnonzero((number == one) & inside)
        if len(places) >= least:
            found.append(Pass(int(one), places))
    return found
