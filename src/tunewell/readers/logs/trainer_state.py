"""trainer_state.json, which transformers' Trainer writes into every checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import Points, number, split_summary, whole
from tunewell.readers.logs.kept import kept_step
from tunewell.readers.logs.peek import entries
from tunewell.subjects.trace import Column, Trace

STATE = "trainer_state.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)$")


def find_state(path: Path) -> Path | None:
    """The newest trainer_state.json of a file, checkpoint folder or output folder."""
    if path.is_file():
        return path
    candidates = [(whole_step, folder / STATE) for whole_step, folder in checkpoints(path)]
    candidates = [(step, file) for step, file in candidates if file.is_file()]
    own = path / STATE
    # `Trainer.save_state` writes the file of the finished run beside the checkpoints.
    return own if own.is_file() else max(candidates, default=(0, None))[1]


def read_trainer_state(path: Path) -> Trace:
    """The run that a trainer_state.json tells of.

    `path` is the file, a checkpoint folder or the output folder, of which the newest is taken. The
    file holds no arguments of the run; `kept_step` and `metric_for_best` are worked out from what
    it and the folders around it hold, and are None where that does not tell.

    Raises:
        InputError: if there is none, or it is not what the Trainer writes.
    """
    file = find_state(path)
    if file is None:
        message = f"{path}: no {STATE} is in it or in a checkpoint below it"
        raise InputError(message)
    state = load_state(file)
    rows: list[tuple[int, dict[str, Any]]] = []
    for entry in state["log_history"]:
        step = whole(entry.get("step")) if isinstance(entry, dict) else None
        if step is not None:
            rows.append((step, dict(entry)))
    summary = split_summary(rows)
    # A file inside checkpoint-N has its siblings beside that folder.
    root = file.parent.parent if CHECKPOINT.search(file.parent.name) else file.parent
    steps = whole(state.get("global_step")) or 0
    wanted = whole(state.get("max_steps"))
    best = CHECKPOINT.search(str(state.get("best_model_checkpoint") or ""))
    best_step = whole(state.get("best_global_step")) or (int(best.group(1)) if best else None)
    best_metric = number(state.get("best_metric"))
    finished = bool(summary) or wanted is None or steps >= wanted
    points = Points()
    for step, values in rows:
        points.add(step, values)
    columns = points.columns()
    saved = tuple(step for step, _ in checkpoints(root))
    return Trace(
        source="Hugging Face trainer_state.json",
        columns=MappingProxyType(columns),
        path=file,
        max_steps=wanted,
        finished=finished,
        best_step=best_step,
        best_metric=best_metric,
        metric_for_best=_chosen_by(columns, best_step, best_metric),
        kept_step=kept_step(state, root, saved=saved, best=best_step, last=steps)
        if finished
        else None,
        saved_steps=saved,
        settings=MappingProxyType(_arguments(state)),
        summary=MappingProxyType(summary),
        framework="transformers",
        restarts=tuple(points.restarts),
        superseded=MappingProxyType(points.superseded()),
    )


def _chosen_by(columns: Mapping[str, Column], step: int | None, value: float | None) -> str | None:
    """The one evaluation metric that had the best value at the best step."""
    if step is None or value is None:
        return None
    same = [
        name
        for name, column in columns.items()
        if name.startswith("eval_") and value in column.values[column.steps == step]
    ]
    return same[0] if len(same) == 1 else None


def _arguments(state: dict[str, Any]) -> dict[str, Any]:
    known = ("num_train_epochs", "logging_steps", "eval_steps", "save_steps", "train_batch_size")
    told = {name: state[name] for name in known if state.get(name) is not None}
    callbacks = state.get("stateful_callbacks")
    stopping = callbacks.get("EarlyStoppingCallback") if isinstance(callbacks, dict) else None
    # Callbacks of one class are a list where there are several.
    stopping = stopping[0] if isinstance(stopping, list) and stopping else stopping
    if isinstance(stopping, dict) and isinstance(stopping.get("args"), dict):
        told |= {name: value for name, value in stopping["args"].items() if value is not None}
    return told


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints of an output folder by their step."""
    if not folder.is_dir():
        return []
    found = [(CHECKPOINT.search(entry.name), entry) for entry in entries(folder)]
    return sorted((int(match.group(1)), entry) for match, entry in found if match)


def load_state(file: Path) -> dict[str, Any]:
    """What a trainer_state.json holds.

    Raises:
        InputError: if it cannot be read or is not what the Trainer writes.
    """
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except (ValueError, RecursionError) as error:
        message = f"{file}: is not JSON: {error}"
        raise InputError(message) from None
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        message = f"{file}: has no log_history: it was not written by transformers' Trainer"
        raise InputError(message)
    return state
