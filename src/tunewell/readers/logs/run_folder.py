"""The watcher's run folder: events.jsonl, appended line by line while the run goes on.

Every line is a JSON object with `event` and `time` (seconds since 1970). The kinds:

- `start`: what is trained: `settings`, `max_steps`, `step` (above 0 where it was resumed),
  `classes`, `train_rows`, `task`, `framework`, `rank`, `world_size`, `parameters`, `trainable`,
  `architecture`, `attention`,
  `gpu` (`name` and `bytes`) and, where there was a plan, its `prediction`;
- `steps`: what was seen of single steps, as columns: `step` is a list, and so is every other;
- `log`: what the trainer logged at `step`, as `values`, with what the watcher adds;
- `layers`: a sample of weights, gradients and updates at `step`, as `values`;
- `step_one`: the step-one proof;
- `finding_opened`, `finding_closed`, `stop`: what the live checks said;
- `saved`: the checkpoints on disk (`saved_steps`) when one was written;
- `intervention`: what the guard did (`kind`, `text`);
- `broken`: what went wrong inside the watcher;
- `end`: how the run ended.

With several processes each writes its own file: events.jsonl is the first one's,
events.rank-3.jsonl that of the process of rank 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import Points, number, split_summary, whole
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.prediction import Prediction
from tunewell.subjects.trace import Column, Intervention, Trace

EVENTS = "events.jsonl"
OF_RANK = re.compile(r"events\.rank-(\d+)\.jsonl$")


class RunLog:
    """A run as far as its events tell of it; events can be added while it goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.points = Points()
        self.state: ModelState | None = None
        self._start: dict[str, Any] = {}
        self._end: dict[str, Any] = {}
        self._summary: dict[str, float] = {}
        self._interventions: list[Intervention] = []
        self._saved: object = ()
        self._offset = 0
        self._rest = b""

    def follow(self) -> None:
        """Add what was appended to the file since the last call.

        A half-written last line waits for its end: that is how a killed run ends.

        Raises:
            InputError: if the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError as error:
            message = f"{self.path}: cannot be read: {error.strerror}"
            raise InputError(message) from None
        self._offset += len(text)
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            self._add_line(line)

    def finish(self) -> None:
        """Take what stands after the last line break too, where it is a whole event."""
        self._add_line(self._rest)
        self._rest = b""

    def _add_line(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return  # half a line, where a killed run was resumed
        if isinstance(event, dict) and "event" in event:
            self.add(event)

    def add(self, event: Mapping[str, Any]) -> None:
        """Take one event; what cannot be understood is passed over."""
        kind, step = event.get("event"), whole(event.get("step"))
        time = number(event.get("time"))
        values = event.get("values")
        if kind == "start":
            self._begin(dict(event), step or 0)
        elif kind == "end":
            self._end = dict(event)
        elif kind == "steps":
            self._add_steps(event)
        elif kind in {"log", "layers"} and isinstance(values, dict) and step is not None:
            row = [(step, dict(values))]
            self._summary |= split_summary(row)
            when = float("nan") if time is None else time
            # Numbers of an accelerator come late; a run that went back says so when it starts.
            self.points.add(step, row[0][1], time=when, resumed=False)
        elif kind == "step_one":
            self.state = _state(event) or self.state
        elif kind == "saved":
            self._saved = event.get("saved_steps")
        elif kind == "intervention" and step is not None:
            self._interventions.append(
                Intervention(step, str(event.get("kind")), str(event.get("text")))
            )

    def _begin(self, event: dict[str, Any], step: int) -> None:
        if self._start and step > 0:
            said, before = event.get("settings"), self._start.get("settings")
            self.points.go_back(
                step,
                said if isinstance(said, dict) else None,
                before if isinstance(before, dict) else None,
            )
        elif self._start:
            self.points, self._saved = Points(), ()
        self._start, self._end = event, {}

    def _add_steps(self, event: Mapping[str, Any]) -> None:
        steps = event.get("step")
        if not isinstance(steps, list):
            return
        lists = {
            name: column
            for name, column in event.items()
            if isinstance(column, list) and len(column) == len(steps) and name != "step"
        }
        for at, logged in enumerate(steps):
            step = whole(logged)
            if step is not None:
                values = {name: column[at] for name, column in lists.items()}
                self.points.add(step, values, resumed=False)

    @property
    def empty(self) -> bool:
        """Whether nothing of a run was seen."""
        return not self._start and not self.points.columns()

    def trace(self, ranks: Mapping[int, Mapping[str, Column]] | None = None) -> Trace:
        """The run so far. Without an end event it is not finished."""
        start, end = self._start, self._end
        settings = start.get("settings")
        settings = settings if isinstance(settings, dict) else {}
        gpu = start.get("gpu")
        gpu = gpu if isinstance(gpu, dict) else {}
        metric = end.get("metric_for_best") or settings.get("metric_for_best_model")
        greater = settings.get("greater_is_better")
        return Trace(
            source="Tunewell run folder",
            columns=MappingProxyType(self.points.columns()),
            path=self.path,
            max_steps=whole(start.get("max_steps")),
            finished=end.get("reason") == "finished",
            best_step=whole(end.get("best_step")),
            best_metric=number(end.get("best_metric")),
            metric_for_best=metric if isinstance(metric, str) else None,
            greater_is_better=greater if isinstance(greater, bool) else None,
            kept_step=whole(end.get("kept_step")),
            saved_steps=_steps(end.get("saved_steps", self._saved)),
            classes=whole(start.get("classes")),
            train_rows=whole(start.get("train_rows")),
            settings=MappingProxyType(settings),
            summary=MappingProxyType(dict(self._summary)),
            task=_word(start.get("task")),
            framework=_word(start.get("framework")),
            restarts=tuple(self.points.restarts),
            superseded=MappingProxyType(self.points.superseded()),
            ranks=MappingProxyType(dict(ranks or {})),
            interventions=tuple(self._interventions),
            gpu_name=_word(gpu.get("name")),
            gpu_bytes=whole(gpu.get("bytes")),
            parameters=whole(start.get("parameters")),
            trainable=whole(start.get("trainable")),
            architecture=_word(start.get("architecture")),
            attention=_word(start.get("attention")),
            prediction=_prediction(start.get("prediction")),
        )


def read_events(path: Path) -> tuple[Trace, ModelState | None]:
    """The run that an events.jsonl tells of, as far as it was written, with its other ranks.

    Raises:
        InputError: if the file cannot be read or holds no event.
    """
    log = RunLog(path)
    log.follow()
    log.finish()
    if log.empty:
        message = f"{path}: holds no event of a run"
        raise InputError(message)
    return log.trace(other_ranks(path)), log.state


def other_ranks(path: Path) -> dict[int, Mapping[str, Column]]:
    """The columns that the run's other processes wrote beside its events.jsonl."""
    found: dict[int, Mapping[str, Column]] = {}
    for file in sorted(path.parent.glob("events.rank-*.jsonl")):
        name = OF_RANK.search(file.name)
        if name is not None:
            log = RunLog(file)
            log.follow()
            found[int(name.group(1))] = MappingProxyType(log.points.columns())
    return found


def _steps(value: object) -> tuple[int, ...]:
    given = value if isinstance(value, list) else []
    return tuple(step for saved in given if (step := whole(saved)) is not None)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _prediction(value: object) -> Prediction | None:
    try:
        return msgspec.convert(value, type=Prediction)
    except msgspec.ValidationError:
        return None


def _state(event: Mapping[str, Any]) -> ModelState | None:
    try:
        tensors = msgspec.convert(event.get("tensors"), type=tuple[TensorStep, ...], strict=False)
    except msgspec.ValidationError:
        return None
    return ModelState(
        tensors=tensors,
        learning_rate=number(event.get("learning_rate")) or 0.0,
        first_loss=number(event.get("first_loss")),
        classes=whole(event.get("classes")),
    )
