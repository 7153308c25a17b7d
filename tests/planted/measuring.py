"""Real trainings with what the watcher would measure of them, as a Trace."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from transformers import TrainerCallback

from tunewell.core.finding import Finding
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.readers.logs.columns import Points
from tunewell.subjects.trace import Trace
from tunewell.train.quiet import quiet

PAGE = 4096


class Measure(TrainerCallback):
    """Times and marks each step. Given to a second trainer it goes on with the same run."""

    def __init__(self) -> None:
        self.points = Points()
        self.settings: dict[str, Any] = {}
        self.state: Any = None
        self.folder = Path()
        self._hook: Any = None
        self._mark = 0
        self._began = self._ended = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ARG002
        """Say what is trained, or that it goes on."""
        said = _plain(args)
        if self.settings:
            self.points.go_back(state.global_step, said, self.settings)
        self.settings, self.state, self.folder = said, state, Path(args.output_dir)
        self._hook = parts["model"].register_forward_pre_hook(self._look, with_kwargs=True)
        self._ended = time.perf_counter()

    def _look(self, module: Any, given: Any, named: Any) -> None:  # noqa: ARG002
        if module.training and "input_ids" in named:
            ids = named["input_ids"].double().flatten()
            places = (ids * 0 + 1).cumsum(0)
            self._mark += int((ids * places).sum()) + len(ids)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The batch is there."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The step is over."""
        now = time.perf_counter()
        values = {
            "data_seconds": self._began - self._ended,
            "step_seconds": now - self._began,
            "batch_mark": self._mark,
            "process_bytes": _resident(),
        }
        self.points.add(state.global_step, values, resumed=False)
        self._mark, self._ended = 0, now

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Since the step, or since the set before."""
        self._spent(state.global_step, "evaluation_seconds")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Since the step or the evaluation."""
        self._spent(state.global_step, "saving_seconds")

    def _spent(self, step: int, name: str) -> None:
        now = time.perf_counter()
        self.points.add(step, {name: now - self._ended}, resumed=False)
        self._ended = now

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """What the trainer says."""
        self.points.add(state.global_step, dict(logs or {}), resumed=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Let the model go."""
        self._hook.remove()

    def trace(self, *, finished: bool = True, **fields: Any) -> Trace:
        """The run so far."""
        metric = self.settings.get("metric_for_best_model")
        saved = (p.name.rpartition("-")[2] for p in self.folder.glob("checkpoint-*"))
        told = {
            "source": "measured",
            "columns": MappingProxyType(self.points.columns()),
            "max_steps": self.state.max_steps,
            "finished": finished,
            "best_step": self.state.best_global_step,
            "best_metric": self.state.best_metric,
            "metric_for_best": metric,
            "greater_is_better": self.settings.get("greater_is_better"),
            "saved_steps": tuple(sorted(map(int, saved))),
            "settings": MappingProxyType(self.settings),
            "framework": "transformers",
            "restarts": tuple(self.points.restarts),
            "superseded": MappingProxyType(self.points.superseded()),
        }
        return Trace(**{**told, **fields})


def trained(trainer: Any, measure: Measure | None = None, *, resume: Any = None) -> Measure:
    """Train, and give what was measured."""
    measure = measure or Measure()
    trainer.add_callback(measure)
    with quiet(1):
        trainer.train(resume_from_checkpoint=resume)
    return measure


def said(subjects: Iterable[object], *codes: str, **options: Any) -> list[Finding]:
    """The findings over these subjects: of every check, or of those named, with their options."""
    settings = Settings(select=codes, checks={code: options for code in codes if options})
    outcomes = examine(tuple(subjects), settings=settings)
    assert not outcomes.broken, outcomes.broken
    return outcomes.findings


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def _plain(args: Any) -> dict[str, Any]:
    plain = {name: getattr(value, "value", value) for name, value in vars(args).items()}
    return {
        name: value
        for name, value in plain.items()
        if isinstance(value, bool | int | float | str) and not name.startswith("_")
    }
