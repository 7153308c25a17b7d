"""Which optimizer step a printed line belongs to, where the line itself says only the epoch.

transformers prints no step. Three things tell it, the surest first:

- the progress bar is drawn again after each line, and counts steps;
- an epoch printed with its rounding holds exactly one whole step, or one multiple of the logging
  interval, once the steps of an epoch are known: printed, or from the last epoch and the last step;
- where nothing tells, the logs are numbered in the order of their epochs, and the source says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

SHOWN = "its lines show their steps"
BARS = "steps from the progress bar"
EPOCHS = "steps worked out from epochs"
NUMBERED = "it shows no steps, so that its logs are numbered"

SLACK = 1e-6
"""Room for the last bit of a product of floating-point numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of the rows of one run, arrays of the same length.

    `shown` is the step that the line says, `bars` what a bar of the run's total showed after it
    (-1: nothing). `epochs` with half their rounding, NaN where there is none. `training` is true
    for a row of training, false for an evaluation. `per_epoch` are the lowest and the highest
    number of steps an epoch may have.
    """

    shown: Whole
    bars: Whole
    epochs: Real
    halves: Real
    training: NDArray[np.bool_]
    per_epoch: tuple[float, float] | None = None


def steps_of(known: Evidence) -> tuple[Whole, str]:
    """The step of each row, and how it was found."""
    if len(known.shown) and (known.shown >= 0).mean() > 0.5:  # noqa: PLR2004  most
        return _filled(known.shown), SHOWN
    if _bars_tell(known):
        return _filled(known.bars), BARS
    told = _from_epochs(known)
    return (told, EPOCHS) if told is not None else (_numbered(known), NUMBERED)


def bounds(epochs: Real, halves: Real, steps: Real | Whole) -> tuple[float, float] | None:
    """The steps an epoch may have if these steps were reached at these epochs; None for none."""
    use = epochs > halves
    if not use.any():
        return None
    low = float(np.max(steps[use] / (epochs[use] + halves[use])))
    high = float(np.min(steps[use] / np.maximum(epochs[use] - halves[use], SLACK)))
    return (low, high) if low <= high * (1 + SLACK) else None


def _filled(steps: Whole) -> Whole:
    """A row that says no step has that of the row before."""
    seen = np.where(steps >= 0, np.arange(len(steps)), -1)
    place = np.maximum.accumulate(seen)
    return np.where(place >= 0, steps[np.maximum(place, 0)], 0)


def _bars_tell(known: Evidence) -> bool:
    """Whether a bar was drawn after every row, with counts that fit the epochs.

    In a file into which both streams went the bars are ahead of the lines, which wait in a buffer.
    """
    have = known.bars >= 0
    # The last line of a killed run may have no bar after it.
    if not len(have) or not have[:-1].all() or not have.any():
        return False
    steps, epochs = known.bars[known.training & have], known.epochs[known.training & have]
    parts = np.split(np.arange(len(steps)), np.flatnonzero(np.diff(steps) < 0) + 1)
    if any((np.diff(steps[part]) <= 0).any() for part in parts):
        return False
    rows = have & (known.epochs > 0)
    if not rows.any():
        return True
    per_epoch = np.median(known.bars[rows] / known.epochs[rows])
    off = np.abs(known.epochs[rows] * per_epoch - known.bars[rows])
    # Where batches are gathered, an epoch's last update may be of fewer: it comes early.
    return bool((off <= 1.5 + known.halves[rows] * per_epoch).all()) and len(epochs) > 0


def _from_epochs(known: Evidence) -> Whole | None:
    """Steps, if each row's epoch leaves only one."""
    per_epoch = known.per_epoch
    if per_epoch is None or np.isnan(known.epochs).any():
        return None
    low = np.ceil(np.maximum(known.epochs - known.halves, 0) * per_epoch[0] - SLACK)
    high = np.floor((known.epochs + known.halves) * per_epoch[1] + SLACK)
    if (high < low).any():
        return None
    sure = low == high
    if sure.all():
        return low.astype(np.int64)
    steps = np.where(sure, low, -1).astype(np.int64)
    train = np.flatnonzero(known.training)
    interval = _interval(low[train], high[train])
    if interval is not None:
        steps[train] = interval * (1 + np.arange(len(train)))
    return _evaluations(known, steps, low, high)


def _evaluations(known: Evidence, steps: Whole, low: Real, high: Real) -> Whole | None:
    """Evaluations at the epoch of a row of training have its step; None if one stays open."""
    at = dict(
        zip(known.epochs[known.training].tolist(), steps[known.training].tolist(), strict=True)
    )
    for row in np.flatnonzero(steps < 0).tolist():
        step = at.get(float(known.epochs[row]), -1)
        if known.training[row] or not low[row] <= step <= high[row]:
            return None
        steps[row] = step
    return steps


def _interval(low: Real, high: Real) -> int | None:
    """The one interval of which all rows, in order, are multiples; None for none or many."""
    if not len(low):
        return None
    order = 1 + np.arange(len(low))
    least, most = np.ceil(np.max(low / order)), np.floor(np.min(high / order))
    return int(least) if least == most and least >= 1 else None


def _numbered(known: Evidence) -> Whole:
    """Rows counted; those of one epoch, as a training row and its evaluation, have one number."""
    if not np.isnan(known.epochs).any():
        return 1 + np.unique(known.epochs, return_inverse=True)[1].astype(np.int64)
    return 1 + np.arange(len(known.epochs), dtype=np.int64)
