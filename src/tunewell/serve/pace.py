"""How fast a run goes, how long it still takes, and whether it has fallen silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.serve.series import Series

SILENT_SECONDS = 120.0
SILENT_GAPS = 5.0
"""A run is silent after two minutes without a word, and after five times the longest gap it had:
an evaluation or a checkpoint that was seen once is no surprise the second time."""

REMEMBERED = 4_000


class Pace:
    """When the log was written to, and at which step."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: list[tuple[float, int]] = []
        self._before = 0.0
        self._longest = 0.0

    def saw(self, when: float, step: int, *, start: bool = False) -> None:
        """Something was written at a time, in seconds since 1970, with the run at a step."""
        if start:
            self._before = self.elapsed
            self._seen = []
        if self._seen:
            last, reached = self._seen[-1]
            self._longest = max(self._longest, when - last)
            if step < reached:
                self._seen = [(then, at) for then, at in self._seen if at <= step]
        if not self._seen or when >= self._seen[-1][0]:
            self._seen.append((when, step))
        if len(self._seen) > REMEMBERED:
            self._seen = [self._seen[0], *self._seen[2:-1:2], self._seen[-1]]

    def become(self, steps: NDArray[np.int64], times: NDArray[np.float64]) -> None:
        """Points whose times a log holds."""
        order = np.argsort(times, kind="stable")[:: max(1, len(times) // REMEMBERED)]
        self._seen = [(float(times[at]), int(steps[at])) for at in order]
        self._longest = float(np.diff(times[order]).max()) if len(order) > 1 else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds from the first to the last word, without the time between restarts."""
        return self._before + (self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0)

    @property
    def silent(self) -> bool:
        """Whether nothing was written for longer than this run's gaps make one expect."""
        if not self._seen:
            return False
        return self._clock() - self._seen[-1][0] > max(SILENT_SECONDS, SILENT_GAPS * self._longest)

    def seconds_a_step(self) -> float | None:
        """Over the later half of the steps, evaluations and checkpoints among them."""
        if len(self._seen) < 2:  # noqa: PLR2004  a pace is a difference
            return None
        last, reached = self._seen[-1]
        middle = (self._seen[0][1] + reached) / 2
        then, at = next(pair for pair in self._seen if pair[1] >= middle)
        if at == reached:
            then, at = self._seen[0]
        return (last - then) / (reached - at) if reached > at and last > then else None

    def left(self, max_steps: int | None) -> float | None:
        """Seconds from now to the last step, at the pace so far."""
        pace = self.seconds_a_step()
        if pace is None or max_steps is None or not self._seen:
            return None
        ends = self._seen[-1][0] + (max_steps - self._seen[-1][1]) * pace
        return max(ends - self._clock(), 0.0)

    def state(self) -> dict[str, Any]:
        """For the page: seconds, and the server's clock to count on from."""
        pace = self.seconds_a_step()
        return {
            "now": round(self._clock(), 3),
            "last": self._seen[-1][0] if self._seen else None,
            "elapsed": round(self.elapsed, 3),
            "pace": None if pace is None else float(f"{pace:.4g}"),
        }


def seconds_by_kind(columns: Mapping[str, Series], elapsed: float) -> dict[str, float]:
    """Where the time went, in seconds; empty where the log does not tell.

    `data_seconds`, `step_seconds` and `watch_seconds` are of one step or the mean of the steps
    since the last point: either way a point counts for the steps that it stands for.
    """
    spent = {
        "loading": _a_step(columns.get("data_seconds")),
        "computing": _a_step(columns.get("step_seconds")),
        "evaluating": _sum(columns, "evaluation_seconds") or _evaluation_runtimes(columns),
        "saving": _sum(columns, "saving_seconds"),
        "watching": _a_step(columns.get("watch_seconds")),
    }
    if not spent["computing"]:
        return {}
    spent["other"] = max(elapsed - sum(spent.values()), 0.0)
    return {name: float(f"{seconds:.4g}") for name, seconds in spent.items() if seconds > 0}


def _a_step(series: Series | None) -> float:
    if series is None or not len(series):
        return 0.0
    values = np.array(series.values, dtype=np.float64)
    steps = np.diff(np.array(series.steps, dtype=np.int64), prepend=0)
    return float(np.where(np.isfinite(values), values * steps, 0.0).sum())


def _sum(columns: Mapping[str, Series], name: str) -> float:
    series = columns.get(name)
    return 0.0 if series is None else float(np.nansum(np.array(series.values)))


def _evaluation_runtimes(columns: Mapping[str, Series]) -> float:
    """What the Trainer logs of each evaluation, where the watcher did not time it."""
    found = [name for name in columns if name.startswith("eval_") and name.endswith("_runtime")]
    return sum(_sum(columns, name) for name in found)
