"""The trace of a run from what a tracker keeps: points, settings, and how it ended."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.chronicle import Chronicle
from tunewell.readers.logs.columns import SUMMARY, number, whole
from tunewell.readers.logs.names import renamed, trace_names
from tunewell.subjects.trace import Trace

END = "train_runtime"
"""What transformers' Trainer logs when training has come to its end."""

ROUNDING = 1e-6
"""The Trainer's epoch is a quotient of steps."""

HUGGING_FACE = "transformers_version"
"""The Trainer's integrations log the model's configuration, which holds this, with its arguments.
"""


@dataclass(slots=True)
class TrackedRun:
    """One run of a tracker.

    Args:
        source: the format, for people.
        path: where the run lies.
        name: what the log calls the run.
        chronicle: the points under the names of the log.
        settings: what it says of the arguments.
        summary: what it keeps beside the points; the Trainer's closing values are taken.
        finished: what it says of the end, None where it does not tell.
    """

    source: str
    path: Path
    name: str = ""
    chronicle: Chronicle = field(default_factory=Chronicle)
    settings: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    finished: bool | None = None

    def trace(self) -> Trace:
        """The run under the names of a trace.

        Raises:
            InputError: if it holds no point.
        """
        if not len(self.chronicle):
            called = f" of the run {self.name}" if self.name else ""
            message = f"{self.path}: holds no metric{called}"
            raise InputError(message)
        points = self.chronicle.points()
        names = trace_names(points.names)
        columns = renamed(points.columns(), names)
        # W&B's summary holds the last value of every metric; the Trainer's comes with the run time.
        kept = self.summary if END in self.summary else {}
        closing = {key: taken for key in SUMMARY if (taken := number(kept.get(key))) is not None}
        for key in SUMMARY:
            # Without the run time `train_loss` is a curve, of a log with a `loss` beside it.
            if key in columns and (END in columns or key != "train_loss"):
                closing[key] = float(columns[key].values[-1])
        columns = {key: column for key, column in columns.items() if key not in closing}
        told = dict(self.settings)
        steps = whole(told.get("max_steps"))
        wanted = steps if steps is not None and steps > 0 else None
        of_trainer = HUGGING_FACE in told
        last = max((int(column.steps[-1]) for column in columns.values()), default=0)
        finished = self.finished
        if finished is None:
            # Trackio is not told of the end, but a Trainer's run has it in its arguments.
            epochs = number(told.get("num_train_epochs")) if wanted is None and of_trainer else None
            passed = columns["epoch"].values[-1] if "epoch" in columns else 0.0
            complete = last >= (wanted or 0) if epochs is None else passed >= epochs - ROUNDING
            finished = END in closing or bool(complete)
        metric, greater = told.get("metric_for_best_model"), told.get("greater_is_better")
        return Trace(
            source=self.source,
            columns=MappingProxyType(columns),
            path=self.path,
            name=self.name,
            max_steps=wanted,
            finished=finished,
            metric_for_best=metric if isinstance(metric, str) else None,
            greater_is_better=greater if isinstance(greater, bool) else None,
            settings=MappingProxyType(told),
            summary=MappingProxyType(closing),
            framework="transformers" if of_trainer else None,
            restarts=tuple(points.restarts),
            superseded=MappingProxyType(renamed(points.superseded(), names)),
        )


def literal(text: str) -> Any:  # noqa: ANN401
    """A setting that a tool kept as text: Python's or JSON's way to write it, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
