"""Robust readings of learning curves: level, noise, smoothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunewell.core.finding import Mark, Series
from tunewell.subjects.trace import Column, Trace

Values = NDArray[np.float64]
WINDOW = 5
"""Points of a running median: a spike of two points does not move it."""

MIN_RISE = 0.1
"""Share by which an evaluation loss must lie above its lowest value to have risen."""

MOST_POINTS = 200
"""Points of a curve kept as evidence."""

REWARD_MARKS = ("reward", "kl", "rewards/chosen", "rewards/margins", "completions/mean_length")
"""Columns of preference and reward training, whose loss says nothing by its level."""


def training_loss(trace: Trace) -> Column:
    """The finite losses of training steps, as the model gave them where that is known."""
    raw = trace.column("raw_loss").finite
    return raw if len(raw) else trace.column("loss").finite


def is_reward_training(trace: Trace) -> bool:
    """Whether the run logs rewards: then the loss starts near 0 and its level means nothing."""
    return any(name in trace.columns for name in REWARD_MARKS)


def smooth(values: Values, window: int = WINDOW) -> Values:
    """Running median, same length; shorter windows at the ends."""
    half = window // 2
    return np.array(
        [np.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]
    )


def noise(values: Values) -> float:
    """Standard deviation of the scatter around the trend, from second differences by MAD.

    0 where there are fewer than 8 values: the bend of a short curve would pass for scatter. A
    straight trend adds nothing to it.
    """
    if len(values) < 8:  # noqa: PLR2004  said above
        return 0.0
    bend = np.diff(values, 2)
    return float(1.4826 * np.median(np.abs(bend - np.median(bend))) / np.sqrt(6))


def is_past_lowest(
    values: Values, *, min_past: int, min_rise: float = MIN_RISE, noises: float = 3.0
) -> bool:
    """Whether a curve of evaluation losses (shape n) has left its lowest point for good.

    At least `min_past` values lie behind the lowest, and the last `min_past` all lie above it by
    `min_rise` of its value and by `noises` times the curve's own noise.
    """
    if not len(values):
        return False
    best = int(values.argmin())
    past = values[best + 1 :]
    if len(past) < min_past:
        return False
    low = float(values[best])
    rise = float(past[-min_past:].min()) - low
    return rise >= min_rise * abs(low) and rise >= noises * noise(values)


def start_level(values: Values, share: float = 0.1) -> float:
    """Median of the first tenth, at least three points."""
    return float(np.median(values[: max(3, round(share * len(values)))]))


def end_level(values: Values, share: float = 0.1) -> float:
    """Median of the last tenth, at least three points."""
    return float(np.median(values[-max(3, round(share * len(values))) :]))


def evidence(name: str, column: Column, *marks: Mark) -> Series:
    """A column as evidence, thinned to what can be drawn."""
    at = np.unique(np.linspace(0, len(column) - 1, min(len(column), MOST_POINTS)).round())
    places = at.astype(np.int64)
    return Series(
        name=name,
        steps=tuple(int(step) for step in column.steps[places]),
        values=tuple(float(v) if np.isfinite(v) else None for v in column.values[places]),
        marks=marks,
    )
