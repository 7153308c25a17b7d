"""A training run as columns over optimizer steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One metric: `steps` (int64, shape n, rising) and `values` (float64, shape n).

    Values are as logged: NaN and infinity stay what they are.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of logged points."""
        return len(self.steps)

    @property
    def finite(self) -> Column:
        """The points whose value is finite."""
        keep = np.isfinite(self.values)
        return Column(self.steps[keep], self.values[keep])


EMPTY = Column(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Trace:
    """A run, live so far or finished.

    Columns use the names of the Hugging Face Trainer: `loss`, `grad_norm`, `learning_rate`,
    `epoch`, `eval_loss`, `eval_accuracy`, `eval_f1` ...; the watcher adds `raw_loss` (the mean of
    the step losses since the last log before the trainer filters them), `nonfinite_losses` (steps
    since the last log whose raw loss was not finite), `step_seconds`, `data_seconds` (waiting for
    the loader) and `watch_seconds` (the watcher's own cost).

    `best_step` is the step whose checkpoint the trainer calls best; `kept_step` the step of the
    model that the run ended with or loaded; `saved_steps` the checkpoints still on disk. `settings`
    holds what the run said of its arguments, by TrainingArguments name. `summary` holds values
    logged once, at the end (`train_runtime`, `train_loss` ...).
    """

    source: str
    columns: Mapping[str, Column]
    path: Path | None = None
    max_steps: int | None = None
    finished: bool = True
    best_step: int | None = None
    best_metric: float | None = None
    metric_for_best: str | None = None
    greater_is_better: bool | None = None
    kept_step: int | None = None
    saved_steps: tuple[int, ...] = ()
    classes: int | None = None
    train_rows: int | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    summary: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def column(self, name: str) -> Column:
        """A column by name, empty where the run did not log it."""
        return self.columns.get(name, EMPTY)

    @property
    def last_step(self) -> int:
        """The last optimizer step that anything was logged at, 0 where nothing was."""
        return max((int(c.steps[-1]) for c in self.columns.values() if len(c)), default=0)
