"""Robust readings of learning curves: level, noise, smoothing, trend, change points, excursions.

Steps of a run are no independent draws, so every interval here is widened by the correlation that
the residuals show from one value to the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from tunewell.core.finding import Mark, Series
from tunewell.subjects.trace import Column, Trace

Values = NDArray[np.float64]
WINDOW = 5
"""Points of a running median: a spike of two points does not move it."""

MIN_RISE = 0.1
"""Share by which an evaluation loss must lie above its lowest value to have risen."""

MOST_POINTS = 200
"""Points of a curve kept as evidence."""

REWARD_MARKS = (
    "reward",
    "mean_reward",
    "kl",
    "rewards/chosen",
    "rewards/margins",
    "completions/mean_length",
)
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
    if len(values) <= 2 * half:
        inner, ends = np.empty(0), range(len(values))
    else:
        inner = np.median(sliding_window_view(values, 2 * half + 1), axis=1)
        ends = range(half)
    first = [np.median(values[max(0, at - half) : at + half + 1]) for at in ends]
    last = [np.median(values[at - half :]) for at in range(len(values) - half, len(values))]
    return np.concatenate([first, inner, last if len(inner) else []])


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


@dataclass(frozen=True, slots=True)
class Change:
    """A difference and the ends of its interval, in the unit of the curve."""

    value: float
    low: float
    high: float

    @property
    def rises(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def falls(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high < 0


def kinship(values: Values) -> float:
    """Correlation of neighbouring values, 0 to 0.9; what is below 0 counts as 0.

    0 below 10 values, which cannot tell: there the intervals are too narrow where it is large.
    """
    if len(values) < 10:  # noqa: PLR2004  said above
        return 0.0
    centred = values - values.mean()
    whole = float(centred @ centred)
    if whole <= 0:
        return 0.0
    # The estimate is too small by about 1 / n (Kendall 1954).
    return float(np.clip((centred[1:] @ centred[:-1]) / whole + 1 / len(values), 0.0, 0.9))


def binned(column: Column, most: int) -> Column:
    """Means of at most `most` blocks of neighbouring points, with their mean steps."""
    if len(column) <= most:
        return column
    blocks = np.array_split(np.arange(len(column)), most)
    return Column(
        np.array([column.steps[block].mean() for block in blocks], dtype=np.int64),
        np.array([column.values[block].mean() for block in blocks], dtype=np.float64),
    )


def trend(column: Column, *, blocks: int = 40, level: float = 0.95) -> Change | None:
    """Change of a curve from its first to its last point along a straight line, with an interval.

    Theil and Sen's median of all slopes between the means of `blocks` neighbouring points, which a
    few bad blocks do not move, with Sen's interval, widened for residuals that resemble their
    neighbours. None where there are fewer than 6 finite points. Source: Sen 1968.
    """
    points = binned(column.finite, blocks)
    count = len(points)
    if count < 6 or points.steps[-1] <= points.steps[0]:  # noqa: PLR2004  said above
        return None
    one, other = np.triu_indices(count, k=1)
    apart = (points.steps[other] - points.steps[one]).astype(np.float64)
    keep = apart > 0
    slopes = np.sort((points.values[other] - points.values[one])[keep] / apart[keep])
    slope = float(np.median(slopes))
    rest = kinship(points.values - slope * points.steps)
    spread = count * (count - 1) * (2 * count + 5) / 18 * (1 + rest) / (1 - rest)
    reach = float(ndtri(0.5 + level / 2)) * math.sqrt(spread)
    low = int(np.clip(math.floor((len(slopes) - reach) / 2), 0, len(slopes) - 1))
    high = int(np.clip(math.ceil((len(slopes) + reach) / 2), 0, len(slopes) - 1))
    span = float(points.steps[-1] - points.steps[0])
    return Change(slope * span, float(slopes[low]) * span, float(slopes[high]) * span)


def difference(before: Values, after: Values, *, level: float = 0.95) -> Change | None:
    """How much higher the mean of `after` lies, with Welch's interval; None below 3 values a side.

    Each side's variance is widened for values that resemble their neighbours.
    """
    if min(len(before), len(after)) < 3:  # noqa: PLR2004  said above
        return None
    parts = []
    for side in (before, after):
        rest = kinship(side)
        effective = max(2.0, len(side) * (1 - rest) / (1 + rest))
        parts.append((float(side.var(ddof=1)) / effective, effective))
    (one, rows), (two, others) = parts
    value = float(after.mean() - before.mean())
    if one + two <= 0:
        return Change(value, value, value)
    share = one / (one + two)
    freedom = 1 / (share**2 / (rows - 1) + (1 - share) ** 2 / (others - 1))
    reach = float(stdtrit(max(freedom, 1.0), 0.5 + level / 2)) * math.sqrt(one + two)
    return Change(value, value - reach, value + reach)


def higher(before: Values, after: Values) -> float:
    """The chance that `after` lies so much higher by ranks alone; Mann and Whitney's test.

    One-sided, normal approximation with correction for continuity, 1 where a side is empty. No
    tail, however heavy, moves it; it is right for values that do not resemble their neighbours.
    """
    rows, others = len(before), len(after)
    if not rows or not others:
        return 1.0
    above = (after[:, None] > before[None, :]).sum() + (after[:, None] == before[None, :]).sum() / 2
    spread = math.sqrt(rows * others * (rows + others + 1) / 12)
    return float(1 - ndtr((float(above) - rows * others / 2 - 0.5) / spread))


def change_point(values: Values) -> int | None:
    """The place from which on values differ most from those before; None below 8 values.

    Two levels fit the values best there by least squares, at least three values from either end;
    the outer twentieths are held to their inner edge, so that no single value makes a level. Where
    there is one shift it is found; in noise it is any place, so another test has to say first that
    something changed.
    """
    count = len(values)
    if count < 8:  # noqa: PLR2004  said above
        return None
    held = np.clip(values, *np.quantile(values, [0.05, 0.95]))
    before = np.arange(3, count - 2)
    sums = np.cumsum(held - held.mean())[before - 1]
    return int(before[np.abs(sums / np.sqrt(before * (count - before))).argmax()])


@dataclass(frozen=True, slots=True)
class Excursion:
    """A stretch far above what came before: places `first` to `last`, both ends included.

    `base` is the median before it, `peak` the place of the highest value; `back` says whether the
    curve has come back to within its own scatter of `base`.
    """

    first: int
    last: int
    peak: int
    base: float
    back: bool


def excursions(
    values: Values, *, window: int = 30, in_a_row: int = 5, min_ratio: float = 1.5
) -> list[Excursion]:
    """Stretches that begin with `in_a_row` values above all of the `window` before them.

    Each of these values must also lie `min_ratio` times above the median of the window. By ranks
    alone, whatever the distribution, values in random order do that at a given place once in
    C(window + in_a_row, in_a_row) times (324,632 with 30 and 5), so a heavy tail is no excursion.
    It is over when the running median of three is within twice the window's scatter of its median.
    """
    found: list[Excursion] = []
    if len(values) < window + in_a_row:
        return found
    before = sliding_window_view(values, window)[: len(values) - window - in_a_row + 1]
    level, top = np.median(before, axis=1), before.max(axis=1)
    ahead = sliding_window_view(values[window:], in_a_row).min(axis=1)
    starts = np.flatnonzero((ahead > top) & (ahead > min_ratio * level) & (level > 0)) + window
    settled = smooth(values, 3)
    done = 0
    for start in starts.tolist():
        if start < done:
            continue
        known = values[start - window : start]
        base = float(np.median(known))
        bound = base + max(2 * 1.4826 * float(np.median(np.abs(known - base))), 0.1 * abs(base))
        home = np.flatnonzero(settled[start + in_a_row - 1 :] <= bound)
        back = len(home) > 0
        end = start + in_a_row - 1 + int(home[0]) if back else len(values)
        peak = start + int(values[start:end].argmax())
        found.append(Excursion(start, end - 1, peak, base, back))
        done = end + window // 2
    return found


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
