"""Facts about the shape of a run's curves. Bounds are relative to the run itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.curves import (
    end_level,
    is_reward_training,
    noise,
    smooth,
    start_level,
    training_loss,
)
from tunewell.facts.run.fact import Seen, Told, fact, ramp, told
from tunewell.subjects.trace import Column, Trace

POINTS = 5
"""Logged losses without which no shape is read."""

ORDINARY = 3.0
"""A gradient norm up to so many times the median of those before it is an ordinary one: in the
healthy runs of tests/fixtures/runs the largest of ten neighbours is rarely more."""

HALF = 0.5
"""Of an epoch, to either side: the mean over one epoch is the trend."""

MANY_PAIRS, SURE = 16, 3.0
"""Points compared with an epoch later, and standard errors by which they must agree."""

AROUND = 0.1
"""Share of a run that still counts as "soon after"."""


def losses_of(trace: Trace) -> Column | None:
    """The training loss where its shape can be read, None where it cannot."""
    losses = training_loss(trace)
    if len(losses) < POINTS or is_reward_training(trace) or start_level(losses.values) <= 0:
        return None
    return losses


def first_bad(trace: Trace) -> int | None:
    """The first step whose loss, logged or raw, or gradient norm is not finite."""
    steps = [
        int(column.steps[~np.isfinite(column.values)][0])
        for name in ("loss", "raw_loss", "grad_norm")
        if not np.isfinite((column := trace.column(name)).values).all()
    ]
    counted = trace.column("nonfinite_losses").finite
    steps += counted.steps[counted.values > 0][:1].tolist()
    return min(steps, default=None)


def _onset(trace: Trace) -> int | None:
    """The step at which the loss began to rise for good, or stopped being finite."""
    bad = first_bad(trace)
    if bad is not None:
        return bad
    losses = losses_of(trace)
    if losses is None:
        return None
    curve = smooth(losses.values)
    lowest = np.minimum.accumulate(curve)
    scatter = max(3 * noise(losses.values), 0.2 * float(start_level(losses.values)))
    above = np.flatnonzero(curve > lowest + scatter)
    return int(losses.steps[above[0]]) if len(above) else None


@fact("loss-flat", "whether the loss moved at all")
def flat(seen: Seen) -> Told | None:
    """A loss that stays where it began."""
    losses = losses_of(seen.trace)
    if losses is None:
        return None
    curve = smooth(losses.values)
    first, last = start_level(losses.values), end_level(losses.values)
    moved = max(abs(first - last), first - float(curve.min())) / first
    strength = ramp(moved, 0.03, 0.01)
    return told(strength, f"the loss moved by {100 * moved:.1f} % in the whole run")


@fact("loss-fell", "whether the loss fell")
def fell(seen: Seen) -> Told | None:
    """A loss that ends far below where it began."""
    losses = losses_of(seen.trace)
    if losses is None:
        return None
    first, last = start_level(losses.values), end_level(losses.values)
    strength = ramp((first - last) / first, 0.05, 0.3)
    return told(strength, f"the loss fell from {first:.3g} to {last:.3g}")


@fact("loss-rose", "whether the loss ended above where it began")
def rose(seen: Seen) -> Told | None:
    """A loss that ends above where it began."""
    losses = losses_of(seen.trace)
    if losses is None:
        return None
    first, last = start_level(losses.values), end_level(losses.values)
    strength = ramp((last - first) / first, 0.02, 0.2)
    return told(strength, f"the loss ended at {last:.3g}, above the {first:.3g} it began at")


@fact("loss-soared", "whether the loss went far above where it began")
def soared(seen: Seen) -> Told | None:
    """A loss that was at times a multiple of the first one."""
    losses = losses_of(seen.trace)
    if losses is None:
        return None
    curve = smooth(losses.values)
    first, top = start_level(losses.values[:3]), float(curve.max())
    place = int(losses.steps[int(curve.argmax())])
    strength = ramp(top / first, 1.2, 2.0)
    return told(strength, f"the loss went from {first:.3g} up to {top:,.3g} at step {place:,}")


@fact("worse-than-guessing", "whether the loss ended above that of guessing")
def worse_than_guessing(seen: Seen) -> Told | None:
    """A classifier that ends worse than one that knows nothing."""
    losses, classes = losses_of(seen.trace), seen.trace.classes
    if losses is None or classes is None or classes < 2:  # noqa: PLR2004  a classifier
        return None
    guess, last = math.log(classes), end_level(losses.values)
    strength = ramp(last / guess, 1.02, 1.06)
    return told(strength, f"the loss ended at {last:.3g}, and guessing costs {guess:.3g}")


@fact("still-falling", "whether the loss was still falling at the end")
def still_falling(seen: Seen) -> Told | None:
    """A last third that brought a good part of the whole fall."""
    losses = losses_of(seen.trace)
    if losses is None or len(losses) < 2 * POINTS:
        return None
    third = len(losses) // 3
    first, last = start_level(losses.values), float(np.median(losses.values[-third:]))
    before = float(np.median(losses.values[-2 * third : -third]))
    whole = first - last
    if whole < 0.02 * first or whole < noise(losses.values):
        return None
    share = (before - last) / whole
    strength = ramp(share, 0.1, 0.33)
    return told(strength, f"the last third of the run brought {100 * share:.0f} % of the fall "
                "of the loss")  # fmt: skip


@fact(
    "gradient-rose-first",
    "whether the gradient norm rose before the loss did",
    columns=("grad_norm",),
)
def gradient_first(seen: Seen) -> Told | None:
    """A gradient norm that rises while the loss is still ordinary."""
    onset = _onset(seen.trace)
    before = _norms_before(seen.trace, onset)
    if onset is None or before is None:
        return None
    ordinary, last = float(np.median(before[:-2])), float(before[-2:].max())
    if ordinary <= 0:
        return None
    strength = ramp(last / ordinary, ORDINARY, 3 * ORDINARY)
    return told(strength, f"the gradient norm rose from {ordinary:.3g} to {last:.3g} before the "
                f"loss went wrong at step {onset:,}")  # fmt: skip


@fact(
    "gradient-was-ordinary",
    "whether the gradient norm was ordinary until the loss went wrong",
    columns=("grad_norm",),
)
def gradient_ordinary(seen: Seen) -> Told | None:
    """A value that is not finite, from one log to the next."""
    onset = _onset(seen.trace)
    before = _norms_before(seen.trace, onset)
    if onset is None or before is None:
        return None
    ordinary, last = float(np.median(before[:-1])), float(before[-1])
    if ordinary <= 0 or last > ORDINARY * ordinary:
        return None
    return Told(1.0, f"the gradient norm was an ordinary {last:.3g} in the last log before step "
                f"{onset:,}")  # fmt: skip


def _norms_before(trace: Trace, onset: int | None) -> NDArray[np.float64] | None:
    norms = trace.column("grad_norm").finite
    if onset is None:
        return None
    before: NDArray[np.float64] = norms.values[norms.steps < onset]
    return before if len(before) >= POINTS else None


@fact("loss-zero", "whether the log hides losses behind a 0")
def zero(seen: Seen) -> Told | None:
    """A logged loss of exactly 0, which is what the Trainer shows instead of NaN."""
    logged = seen.trace.column("loss")
    zeros = int((logged.values == 0).sum())
    return told(float(zeros > 1), f"the log shows a loss of exactly 0 {zeros:,} times")


@fact(
    "jump-after-warm-up",
    "whether the loss went wrong soon after the learning rate reached its peak",
    columns=("learning_rate",),
)
def after_warm_up(seen: Seen) -> Told | None:
    """Trouble that begins at or soon after the peak of the rate."""
    rates, onset = seen.trace.column("learning_rate").finite, _onset(seen.trace)
    if onset is None or len(rates) < POINTS:
        return None
    peak = int(rates.steps[int(rates.values.argmax())])
    late = (onset - peak) / max(seen.trace.last_step, 1)
    if not -AROUND <= late <= AROUND:
        return None
    return Told(1.0, f"it went wrong at step {onset:,}, and the learning rate was at its peak at "
                f"step {peak:,}")  # fmt: skip


@fact("after-restart", "whether it went wrong where the run was taken up again")
def after_restart(seen: Seen) -> Told | None:
    """Trouble that begins where the run was resumed."""
    onset = _onset(seen.trace)
    if onset is None:
        return None
    near = [
        restart.step
        for restart in seen.trace.restarts
        if 0 <= onset - restart.step <= AROUND * max(seen.trace.last_step, 1)
    ]
    return Told(1.0, f"the run was taken up again at step {near[-1]:,}") if near else None


@fact(
    "fell-at-epoch-borders",
    "whether the loss falls in steps at the borders of epochs",
    columns=("epoch",),
)
def stairs(seen: Seen) -> Told | None:
    """A staircase: rows that were seen once are known the second time."""
    drops = _border_moves(seen.trace)
    if drops is None:
        return None
    share = float(np.mean(drops < 0))
    strength = ramp(share, 0.6, 0.9) if len(drops) > 1 else 0.0
    return told(strength, f"the loss fell at {int((drops < 0).sum())} of {len(drops)} borders "
                "between epochs by more than its scatter")  # fmt: skip


@fact(
    "rose-at-epoch-borders",
    "whether the loss jumps up at the borders of epochs",
    columns=("epoch",),
)
def saw_teeth(seen: Seen) -> Told | None:
    """A saw: the rows of an epoch come in an order, and its beginning was forgotten at its end."""
    jumps = _border_moves(seen.trace)
    if jumps is None:
        return None
    share = float(np.mean(jumps > 0))
    strength = ramp(share, 0.5, 0.8)
    return told(strength, f"the loss rose at {int((jumps > 0).sum())} of {len(jumps)} borders "
                "between epochs by more than its scatter")  # fmt: skip


def _border_moves(trace: Trace) -> NDArray[np.float64] | None:
    """For each border of epochs how the loss moved over it, 0 where within the scatter."""
    losses, epochs = losses_of(trace), trace.column("epoch").finite
    if losses is None or len(epochs) < POINTS:
        return None
    at = np.interp(losses.steps, epochs.steps, epochs.values)
    scatter = noise(losses.values)
    moves = []
    for border in range(1, math.ceil(float(at[-1]))):
        before = losses.values[(at > border - 0.3) & (at <= border)]
        after = losses.values[(at > border) & (at <= border + 0.3)]
        if len(before) < 2 or len(after) < 2:  # noqa: PLR2004  one value is all scatter
            return None
        # Two medians of a few values each: their difference scatters less than one value does.
        move = float(np.median(after) - np.median(before))
        moves.append(move if abs(move) > 2 * scatter else 0.0)
    return np.array(moves) if moves else None


@fact(
    "epochs-alike",
    "whether the loss takes the same course in every epoch",
    columns=("epoch",),
)
def epochs_alike(seen: Seen) -> Told | None:
    """The loss at a place of one epoch tells the loss at that place of the next: a fixed order.

    The correlation of the loss with itself an epoch later, the trend taken off. Where rows are
    shuffled anew the two have nothing in common, and the correlation scatters by one over the root
    of the number of pairs.
    """
    losses, epochs = losses_of(seen.trace), seen.trace.column("epoch").finite
    if losses is None or len(epochs) < POINTS or epochs.values[-1] < 3:  # noqa: PLR2004
        return None
    at = np.interp(losses.steps, epochs.steps, epochs.values)
    rough = losses.values - np.array(
        [losses.values[np.abs(at - place) <= HALF].mean() for place in at]
    )
    inside = (at >= 1) & (at + 1 <= at[-1])
    later = np.interp(at[inside] + 1, at, rough)
    pairs, scatter = int(inside.sum()), float(np.std(rough))
    if pairs < MANY_PAIRS or scatter <= 0 or np.std(later) == 0:
        return None
    alike = float(np.corrcoef(rough[inside], later)[0, 1])
    if alike * math.sqrt(pairs) < SURE:
        return None
    strength = ramp(alike, 0.3, 0.6)
    return told(strength, "the loss takes the same course in every epoch (correlation of one with "
                f"the next {alike:.2f}): the rows come in a fixed order")  # fmt: skip


@fact("loss-swings", "whether the loss swings within an epoch")
def swings(seen: Seen) -> Told | None:
    """Batches of which some are easy and some are hard, by a good part of what guessing costs."""
    losses, classes = losses_of(seen.trace), seen.trace.classes
    if losses is None or not classes or classes < 2:  # noqa: PLR2004  a classifier
        return None
    late = losses.values[len(losses) // 2 :]
    low, high = np.quantile(late, [0.1, 0.9])
    strength = ramp(float(high - low) / math.log(classes), 0.4, 0.8)
    return told(strength, f"late in the run the loss swings between {low:.3g} and {high:.3g}")
