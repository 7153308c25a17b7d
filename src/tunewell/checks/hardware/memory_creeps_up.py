"""HW042: memory that grows with every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.stats.trend import Trend, trend
from tunewell.subjects.machine import Machine
from tunewell.subjects.trace import Column, Trace

PLACES = {"cuda_allocated_bytes": "GPU memory", "process_bytes": "main memory"}
"""Columns that are looked at, the one that ends a run first."""


@dataclass(frozen=True, slots=True)
class _Creep:
    name: str
    column: Column
    line: Trend
    steps_left: int | None
    grown: float

    @property
    def at_end(self) -> float | None:
        if self.steps_left is None:
            return None
        return float(self.column.values[-1]) + self.line.slope * self.steps_left


@check(
    "HW042",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def memory_creeps_up(
    trace: Trace,
    machine: Machine | None,
    *,
    min_points: int = 24,
    warm_up: float = 0.25,
    min_growth: float = 0.1,
    min_rising: float = 0.8,
) -> Iterator[Finding]:
    """Memory in use grows steadily while the run trains.

    ## What it finds
    A process, or its GPU memory, that holds more after every stretch of steps, as where losses are
    kept with the graph that made them or every batch is remembered.

    ## Why it matters
    The run ends with an out-of-memory error after hours, at a step that did nothing wrong.

    ## How it is measured
    The watcher logs the memory of the process and what PyTorch has allocated. The first `warm_up`
    of the points (0.25) are left out: caches, the optimizer's state and the longest batch so far
    fill them. Of the rest, at least `min_points` (24), all must hold: the slope's 95 % interval,
    widened for the correlation of neighbours, lies above 0; each half rises by itself, so that one
    jump does not count; the lowest value of each eighth lies above that of the one before in
    `min_rising` of them (0.8), so that a longer batch does not count; and the growth over the
    stretch, or up to the end of the run, is `min_growth` of what was in use (0.1) or more than the
    machine has left. On a machine whose size is known the step at which it is full is told.

    ## Example
    GPU memory of 9.1 GB at step 200, 11.4 GB at 1,200, 13.6 GB at 2,200.

    ## Fix
    Keep numbers, not tensors: `total += loss.item()` or `loss.detach()`; clear what a callback or
    a metric remembers.

    ## When it is wrong
    When a curriculum trains on longer rows as it goes on, or the data set is read into memory
    during the first epoch.

    ## Sources
    TraceML names the fault memory creep; PyTorch's FAQ, "My model reports out of memory". No fault
    of the catalogue.
    """
    found: list[_Creep] = []
    looked = False
    for name in PLACES:
        column = trace.column(name).finite
        rest = Column(
            column.steps[int(len(column) * warm_up) :], column.values[int(len(column) * warm_up) :]
        )
        if len(rest) < min_points:
            continue
        looked = True
        creep = _creep(trace, name, rest, min_rising)
        if creep is not None and _matters(creep, machine, min_growth):
            found.append(creep)
    if not looked:
        reason = f"memory was logged fewer than {min_points} times after the first quarter"
        raise NotApplicableError(reason)
    if found:
        yield _finding(trace, found[0], machine)


def _creep(trace: Trace, name: str, rest: Column, min_rising: float) -> _Creep | None:
    line = trend(rest.steps, rest.values)
    half = len(rest) // 2
    halves = (
        trend(rest.steps[:half], rest.values[:half]),
        trend(rest.steps[half:], rest.values[half:]),
    )
    lows = np.array([part.min() for part in np.array_split(rest.values, 8)])
    rising = float((np.diff(lows) > 0).mean())
    if not line.rises or not all(part.slope > 0 for part in halves) or rising < min_rising:
        return None
    left = None
    if not trace.finished and trace.max_steps is not None:
        left = max(0, trace.max_steps - int(rest.steps[-1]))
    grown = line.low * float(rest.steps[-1] - rest.steps[0])
    return _Creep(name, rest, line, left, grown)


def _matters(creep: _Creep, machine: Machine | None, min_growth: float) -> bool:
    began = float(np.median(creep.column.values[:3]))
    most = _size(creep.name, machine)
    if most is not None and creep.at_end is not None and creep.at_end > most:
        return True
    more = creep.grown + creep.line.low * (creep.steps_left or 0)
    return more >= min_growth * began


def _size(name: str, machine: Machine | None) -> int | None:
    if machine is None:
        return None
    return machine.gpu_bytes if name.startswith("cuda") else machine.memory_bytes


def _finding(trace: Trace, creep: _Creep, machine: Machine | None) -> Finding:
    rest, line, most = creep.column, creep.line, _size(creep.name, machine)
    first, last = int(rest.steps[0]), int(rest.steps[-1])
    per = 1000 * line.slope / 1e6
    told = (
        f"{PLACES[creep.name]} grows by {per:,.3g} MB every 1,000 steps: "
        f"{rest.values[0] / 1e9:,.3g} GB at step {first:,}, {rest.values[-1] / 1e9:,.3g} GB at "
        f"step {last:,}"
    )
    full = None
    if most is not None and line.slope > 0:
        full = last + int((most - float(rest.values[-1])) / line.slope)
        if not trace.finished and (trace.max_steps is None or full < trace.max_steps):
            told += f"; {most / 1e9:,.0f} GB are full at about step {full:,}"
        else:
            full = None
    return Finding(
        message=told,
        where=(Steps(metric=creep.name, first=first, last=last),),
        evidence=(
            Number(
                name="growth for every 1,000 steps",
                value=1000 * line.slope,
                low=1000 * line.low,
                high=1000 * line.high,
                unit="bytes",
                bound="0 within the interval",
            ),
            evidence(creep.name, trace.column(creep.name)),
        ),
        impact=f"out of memory at about step {full:,}"
        if full is not None
        else "a longer run ends out of memory",
        fixes=(
            Fix(
                title="keep loss.detach() or loss.item() and not the loss; clear what callbacks "
                "and metrics remember",
                safety=Safety.MANUAL,
            ),
        ),
    )
