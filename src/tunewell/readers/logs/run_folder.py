"""The watcher's run folder: events.jsonl, appended line by line while the run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import columns_of, number, split_summary, whole
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.trace import Trace

EVENTS = "events.jsonl"


def read_events(path: Path) -> tuple[Trace, ModelState | None]:
    """The run that an events.jsonl tells of, as far as it was written.

    A half-written last line is passed over: that is how a killed run ends. Without an end event
    the trace is not finished.

    Raises:
        InputError: if the file cannot be read or holds no event.
    """
    events = _events(path)
    if not events:
        message = f"{path}: holds no event of a run"
        raise InputError(message)
    start: dict[str, Any] = {}
    end: dict[str, Any] = {}
    rows: list[tuple[int, dict[str, Any]]] = []
    state: ModelState | None = None
    for event in events:
        kind = event.get("event")
        if kind == "start":
            start, end = event, {}
        elif kind == "end":
            end = event
        elif kind == "log" and isinstance(event.get("values"), dict):
            step = whole(event.get("step"))
            if step is not None:
                rows.append((step, dict(event["values"])))
        elif kind == "step_one":
            state = _state(event) or state
    summary = split_summary(rows)
    settings = start.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    metric = end.get("metric_for_best") or settings.get("metric_for_best_model")
    greater = settings.get("greater_is_better")
    trace = Trace(
        source="Tunewell run folder",
        columns=MappingProxyType(columns_of(rows)),
        path=path,
        max_steps=whole(start.get("max_steps")),
        finished=end.get("reason") == "finished",
        best_step=whole(end.get("best_step")),
        best_metric=number(end.get("best_metric")),
        metric_for_best=metric if isinstance(metric, str) else None,
        greater_is_better=greater if isinstance(greater, bool) else None,
        kept_step=whole(end.get("kept_step")),
        saved_steps=tuple(
            step for saved in end.get("saved_steps") or () if (step := whole(saved)) is not None
        ),
        classes=whole(start.get("classes")),
        train_rows=whole(start.get("train_rows")),
        settings=MappingProxyType(settings),
        summary=MappingProxyType(summary),
    )
    return trace, state


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    events: list[dict[str, Any]] = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the half-written line of a run that was killed
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events


def _state(event: dict[str, Any]) -> ModelState | None:
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
