"""One run that was logged in two places: what each knows, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.trace import Column, Restart, Trace

COMPARED = ("loss", "eval_loss", "learning_rate", "grad_norm", "reward")
"""Metrics by which two logs are told to be of one run."""

EXACT = 1e-5
"""Trackers keep numbers in single precision: a relative difference of 6e-8, with room."""

PRINTED = 1e-3
"""A printed number has four digits: a relative difference of 5e-4, with room."""

FEW = 3
"""Points that must be equal before a difference after them is called a restart."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two logs go together: the same throughout, or up to the step `until`."""

    same: bool
    until: int | None = None


def agreement(main: Trace, other: Trace, *, tolerance: float = EXACT) -> Agreement:
    """Whether two logs are of one run, by the values that both have.

    They are where every value at a shared step is equal, of which there is one at least. Where
    values are equal up to a step and differ from the next one on, one of them is of a part of the
    run that was repeated later.
    """
    equal: dict[int, bool] = {}
    for name in COMPARED:
        mine, theirs = main.column(name), other.column(name)
        _, at, there = np.intersect1d(mine.steps, theirs.steps, return_indices=True)
        a, b = mine.values[at], theirs.values[there]
        close = np.isclose(a, b, rtol=tolerance, atol=1e-12, equal_nan=True)
        for step, fits in zip(mine.steps[at].tolist(), close.tolist(), strict=True):
            equal[step] = equal.get(step, True) and fits
    steps = sorted(equal)
    flags = [equal[step] for step in steps]
    if flags and all(flags):
        return Agreement(same=True)
    leading = flags.index(False) if False in flags else 0
    if leading >= FEW and not any(flags[leading:]):
        return Agreement(same=False, until=steps[leading - 1])
    return Agreement(same=False)


def join(main: Trace, other: Trace) -> Trace:
    """One trace of two logs of a run: what `main` says, with the columns and points it lacks.

    Call it where `agreement` finds them the same. Where both have a point `main` counts, and so it
    does for everything else that only one trace can have.
    """
    columns = {name: _with(column, other.column(name)) for name, column in main.columns.items()} | {
        name: column for name, column in other.columns.items() if name not in main.columns
    }
    further = other.last_step > main.last_step
    other = _without_earlier_runs(other)
    return replace(
        main,
        source=f"{main.source}, with {other.source}",
        columns=MappingProxyType(columns),
        # The one that knows more of the run knows how it ended.
        finished=other.finished if further else main.finished,
        max_steps=main.max_steps or other.max_steps,
        train_rows=main.train_rows or other.train_rows,
        settings=MappingProxyType({**other.settings, **main.settings}),
        summary=MappingProxyType({**other.summary, **main.summary}),
        task=main.task or other.task,
        restarts=_restarts(main.restarts, other.restarts),
        superseded=MappingProxyType(_stacked(main.superseded, other.superseded)),
        ranks=main.ranks or other.ranks,
        kept_step=None if further else main.kept_step,
    )


def _without_earlier_runs(trace: Trace) -> Trace:
    """Without what stands before a start from nothing: another run, of which a tracker kept on.

    TensorBoard holds all runs of a folder as one; where the steps go back to the first one logged,
    nothing was taken up.
    """
    first = min((int(c.steps[0]) for c in trace.columns.values() if len(c)), default=0)
    if not any(restart.step <= first for restart in trace.restarts):
        return trace
    kept = tuple(restart for restart in trace.restarts if restart.step > first)
    return replace(
        trace,
        restarts=kept,
        superseded=trace.superseded if kept else MappingProxyType({}),
    )


def with_lost_part(main: Trace, other: Trace, until: int) -> Trace:
    """`main` with what `other` logged after step `until`, which `main` repeated, kept apart."""
    lost = {
        name: part for name, column in other.columns.items() if len(part := _after(column, until))
    }
    restart = Restart(step=until, reached=other.last_step)
    return replace(
        main,
        restarts=_restarts(main.restarts, (restart,)),
        superseded=MappingProxyType(_stacked(main.superseded, lost)),
    )


def _restarts(mine: tuple[Restart, ...], theirs: tuple[Restart, ...]) -> tuple[Restart, ...]:
    """Those of both; two that reached the same step are one, told by logs of other intervals."""
    known = {restart.reached for restart in mine}
    return tuple(
        sorted(
            (*mine, *(restart for restart in theirs if restart.reached not in known)),
            key=lambda restart: (restart.reached, restart.step),
        )
    )


def _with(mine: Column, theirs: Column) -> Column:
    """A column with the points of another at the steps that it lacks."""
    new = ~np.isin(theirs.steps, mine.steps)
    if not new.any():
        return mine
    return _ordered(mine, Column(theirs.steps[new], theirs.values[new], _times(theirs, new)))


def _times(column: Column, keep: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    return None if column.times is None else column.times[keep]


def _ordered(one: Column, other: Column) -> Column:
    steps = np.concatenate([one.steps, other.steps])
    order = np.argsort(steps, kind="stable")
    times = None
    if one.times is not None and other.times is not None:
        times = np.concatenate([one.times, other.times])[order]
    return Column(steps[order], np.concatenate([one.values, other.values])[order], times)


def _after(column: Column, step: int) -> Column:
    keep = column.steps > step
    return Column(column.steps[keep], column.values[keep], _times(column, keep))


def _stacked(mine: Mapping[str, Column], theirs: Mapping[str, Column]) -> dict[str, Column]:
    """Superseded points of both; a point that both know counts once."""
    made = dict(mine)
    for name, column in theirs.items():
        if name not in made:
            made[name] = column
            continue
        known = set(zip(made[name].steps.tolist(), made[name].values.tolist(), strict=True))
        points = zip(column.steps.tolist(), column.values.tolist(), strict=True)
        new = np.array([point not in known for point in points], dtype=np.bool_)
        made[name] = _ordered(made[name], Column(column.steps[new], column.values[new]))
    return made
