"""Do labels belong to the texts they stand beside, or to those some rows before or after?

Both questions compare how well labels fit texts (`facts.label_fit`) under several pairings: each
text with its own label, and with the label of a row `step` further on. Only rows where the two
labels differ tell them apart.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.labels.label_fit import Floats, Ints, TextModel, text_model
from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Split

STEPS = (1, -1, 2, -2)
"""Rows that labels may be off by: a lost or doubled row moves them by one, a header by one."""

DRAWS = 4
"""Random other labels that each row's label is held against."""

CLEARLY_BETTER = 0.1
"""How much more often labels must beat random ones under another pairing, for all rows to be taken
as moved. Without a shift the other pairings of the sets at hand stay at 0.5 within 0.02."""

CHANCE = 1e-9
"""Most chance that a stretch as clear as the one found stands anywhere in rows without a shift, and
that as many of its rows win by luck (Hoeffding 1963): no fewer than 42 rows can show it."""

FEWEST_TELLING = 20
"""Rows of a stretch that must tell the pairings apart."""

ROWS_PAIRED = 12_000
"""Rows that show whether all labels are moved; stretches are looked for among all rows."""

MOST_STRETCHES = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows first to last, both included, whose texts belong to the labels `step` rows further on.

    Of the `telling` rows, where the two labels differ, `won` have a text that fits the moved label
    better.
    """

    first: int
    last: int
    step: int
    telling: int
    won: int


@dataclass(frozen=True, slots=True, eq=False)
class LabelOrder:
    """What the pairings say.

    `own` is how often labels fit their own texts better than a random other label, in `judged`
    rows; 0.5 is chance, 1 perfect. `fit[step]` is the same for the labels `step` rows further on,
    when the model learns that pairing, in rows that tell the pairings apart. `telling` is the
    number of rows whose label differs from that of a neighbour. `stretches` are in order of rows.
    """

    own: float
    judged: int
    fit: dict[int, float]
    telling: int
    stretches: tuple[Stretch, ...]


@fact
def label_order(split: Split) -> LabelOrder:
    """Compare the pairings of a split's texts and labels."""
    everything = text_model(split)
    model = everything.thinned(ROWS_PAIRED)
    own = model.labels
    differs = {step: _differs(own, _moved(model, step)) for step in STEPS}
    telling = differs[1] | differs[-1]
    # In a sorted file few rows tell the pairings apart, yet all show whether labels fit at all.
    whole_fit, judged = _fit(model, own, own >= 0)
    fit = {0: _fit(model, own, telling)[0]}
    for step in STEPS:
        fit[step], _ = _fit(model, _moved(model, step), differs[step])
    usual = max(fit, key=lambda step: (fit[step], -abs(step)))
    if fit[usual] < fit[0] + CLEARLY_BETTER:
        usual = 0
    stretches = _stretches(everything, usual)
    return LabelOrder(whole_fit, judged, fit, int(telling.sum()), stretches)


def _moved(model: TextModel, step: int) -> Ints:
    """The labels `step` rows further on, -1 where the stretch of rows ends."""
    moved = np.full(len(model.labels), -1, dtype=np.int64)
    here, there = (
        (slice(None, -step), slice(step, None))
        if step > 0
        else (slice(-step, None), slice(None, step))
    )
    same = model.block[here] == model.block[there]
    moved[here] = np.where(same, model.labels[there], -1)
    return moved


def _differs(one: Ints, other: Ints) -> NDArray[np.bool_]:
    different: NDArray[np.bool_] = (one != other) & (one >= 0) & (other >= 0)
    return different


def _fit(model: TextModel, labels: Ints, use: NDArray[np.bool_]) -> tuple[float, int]:
    """How often `labels` beat the labels of random rows, and over how many rows that is."""
    rng = np.random.default_rng(0)
    others = [labels[rng.permutation(len(labels))] for _ in range(DRAWS)]
    mine, *theirs = model.scores(labels, [labels, *others], use)
    won = total = 0.0
    judged = np.zeros(len(labels), dtype=bool)
    for other, score in zip(others, theirs, strict=True):
        # Equal labels are left out, never drawn again: only so are both sides alike by chance.
        fair = use & _differs(labels, other) & ~np.isnan(mine)
        won += float((mine[fair] > score[fair]).sum() + 0.5 * (mine[fair] == score[fair]).sum())
        total += int(fair.sum())
        judged |= fair
    return (won / total if total else 0.5), int(judged.sum())


def _stretches(model: TextModel, usual: int) -> tuple[Stretch, ...]:
    """The stretches whose labels are not beside their texts; `usual` is the step of most rows."""
    count = len(model.rows)
    step_of = np.full(count, usual)
    base = model.labels if usual == 0 else _moved(model, usual)
    rivals = [step for step in (0, *STEPS) if step != usual]
    moved = {step: model.labels if step == 0 else _moved(model, step) for step in rivals}
    telling = np.zeros(count, dtype=bool)
    for labels in moved.values():
        telling |= _differs(base, labels)
    mine, *theirs = model.scores(base, [base, *(moved[step] for step in rivals)], telling)
    sign = {}
    for step, score in zip(rivals, theirs, strict=True):
        told = _differs(base, moved[step]) & ~np.isnan(mine) & ~np.isnan(score)
        sign[step] = np.where(told, np.sign(score - mine), 0.0)
    for _ in range(MOST_STRETCHES):
        found = [(clear, step) for step in rivals if (clear := _clearest(sign[step])) is not None]
        if not found:
            break
        (_, first, last), step = max(found)
        step_of[first : last + 1] = step
        for values in sign.values():
            values[first : last + 1] = 0.0
    return _runs_of(model, step_of, mine, dict(zip(rivals, theirs, strict=True)))


def _clearest(sign: Floats) -> tuple[float, int, int] | None:
    """The stretch with the most rows for the other pairing less those against it, if it is clear.

    The sum of such signs wanders down where rows are not moved; the chance that it climbs by m
    somewhere in n rows is at most n (p / (1 - p))^m, p the share of rows for the other pairing
    (the gambler's ruin).
    """
    total = np.concatenate(([0.0], np.cumsum(sign)))
    low = np.minimum.accumulate(total)
    end = int((total - low).argmax())
    climbed = float(total[end] - low[end])
    start = int(total[: end + 1].argmin())
    if climbed < FEWEST_TELLING:
        return None
    outside = np.concatenate((sign[:start], sign[end:]))
    told = int((outside != 0).sum())
    share = (int((outside > 0).sum()) + 1) / (told + 2)
    if share >= 0.5:  # noqa: PLR2004  then nothing says which pairing is the usual one
        return None
    if len(sign) * (share / (1 - share)) ** climbed > CHANCE:
        return None
    inside = sign[start:end]
    if (inside > 0).sum() < 2 * (inside < 0).sum():
        return None
    return climbed, start, end - 1


def _runs_of(
    model: TextModel, step_of: Ints, mine: Floats, theirs: dict[int, Floats]
) -> tuple[Stretch, ...]:
    breaks = np.flatnonzero((np.diff(step_of) != 0) | (np.diff(model.rows) != 1)) + 1
    borders = [0, *breaks.tolist(), len(step_of)]
    found = []
    for low, high in itertools.pairwise(borders):
        step = int(step_of[low]) if high > low else 0
        if step == 0:
            continue
        inside = slice(low, high)
        moved = _moved(model, step)[inside]
        told = _differs(model.labels[inside], moved)
        better = mine[inside] if step not in theirs else theirs[step][inside]
        worse = theirs[0][inside] if 0 in theirs else mine[inside]
        won, telling = int((told & (better > worse)).sum()), int(told.sum())
        if telling and math.exp(-2 * telling * max(0.0, won / telling - 0.5) ** 2) < CHANCE:
            found.append(
                Stretch(int(model.rows[low]), int(model.rows[high - 1]), step, telling, won)
            )
    return tuple(found)
