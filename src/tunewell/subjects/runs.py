"""Several runs beside each other, gathered by what they were set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tunewell.subjects.trace import Trace


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """One run with its score on the metric that all are compared by.

    `score` is that of the model kept: the best evaluation where all runs keep their best, else the
    last. `noise` is how far one evaluation is from what it would be on average, as a standard
    deviation, and `noise_from` says what tells it: "evaluations", "rows", or "" where nothing does.
    """

    name: str
    trace: Trace
    seed: object | None
    best: float
    best_step: int
    last: float
    score: float
    noise: float | None
    noise_from: str
    rows: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs of the same settings, each with a seed of its own.

    `repeats` are further runs with a seed that is already among `runs`; they tell nothing of
    scatter. `settings` are those that the group's runs have in common.
    """

    label: str
    runs: tuple[ScoredRun, ...]
    repeats: tuple[ScoredRun, ...] = ()
    settings: Mapping[str, object] | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """A score a seed."""
        return tuple(run.score for run in self.runs)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Runs:
    """Runs by group, in the order in which they were given: the first is the one in use.

    `metric` is a column that every run has; `more_is_better` its direction. `kept_best` tells that
    scores are those of the best evaluations. `told` is False where a log does not say its settings:
    then each run is a group of its own.
    """

    metric: str
    more_is_better: bool
    kept_best: bool
    groups: tuple[RunGroup, ...]
    told: bool = True
