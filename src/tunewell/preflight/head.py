"""The head of a classifier beside the labels that it is to learn."""

from __future__ import annotations

import math
import numbers
from collections import Counter
from typing import Any

import numpy as np

from tunewell.facts.labels.label_heads import NAMELESS
from tunewell.preflight.stage import Stage
from tunewell.subjects.batch import IGNORED
from tunewell.subjects.first_step import Head

LOOKED = 4_000
"""Rows whose label is looked at; of a larger set a random sample of this many."""

DISTINCT = 500
"""Distinct labels counted at most."""

TASKS = frozenset({"sequence", "token"})


def head_of(stage: Stage) -> Head | None:
    """The head and the labels; None where the model is no classifier of rows or tokens."""
    config = getattr(stage.core, "config", None)
    outputs = getattr(config, "num_labels", None)
    if stage.task not in TASKS or not isinstance(outputs, int):
        return None
    given = getattr(config, "id2label", None) or {}
    names = tuple(str(given[key]) for key in sorted(given, key=int))
    column, class_names = _column(stage)
    values, looked, whole = _labels(stage, column)
    return Head(
        outputs=outputs,
        problem=getattr(config, "problem_type", None),
        names=None if not names or all(NAMELESS.fullmatch(name) for name in names) else names,
        class_names=class_names,
        labels=values,
        looked=looked,
        whole=whole,
        column=column,
    )


def _column(stage: Stage) -> tuple[str, tuple[str, ...] | None]:
    """The label column, and the names that the data set's features give its numbers."""
    dataset = stage.train.dataset
    known = getattr(dataset, "column_names", None) or _keys(dataset)
    names = (*stage.trainer.label_names, "labels", "label", "label_ids")
    column = next((name for name in names if name in known), "labels")
    feature = (getattr(dataset, "features", None) or {}).get(column)
    feature = getattr(feature, "feature", feature)
    classes = getattr(feature, "names", None)
    return column, tuple(classes) if isinstance(classes, list) else None


def _keys(dataset: Any) -> tuple[str, ...]:
    first = dataset[0]
    return tuple(first) if isinstance(first, dict) else ()


def _labels(stage: Stage, column: str) -> tuple[dict[float, int], int, bool]:
    dataset = stage.train.dataset
    total = len(dataset)
    rows = np.arange(total)
    if total > LOOKED:
        rows = np.sort(np.random.default_rng(0).choice(total, LOOKED, replace=False))
    if hasattr(dataset, "select") and column in (getattr(dataset, "column_names", None) or ()):
        cells = dataset.select(rows.tolist()).with_format(None)[column]
    else:
        examples = (dataset[int(row)] for row in rows)
        cells = (row.get(column) if isinstance(row, dict) else None for row in examples)
    counts: Counter[float] = Counter()
    looked, whole = 0, True
    for cell in cells:
        values = [
            value
            for value in _flat(cell)
            if isinstance(value, numbers.Real) and math.isfinite(value) and value != IGNORED
        ]
        looked += bool(values)
        for value in values:
            whole = whole and float(value).is_integer()
            if len(counts) < DISTINCT or float(value) in counts:
                counts[float(value)] += 1
    return dict(sorted(counts.items())), looked, whole


def _flat(cell: Any) -> list[Any]:
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if isinstance(cell, list | tuple):
        return [value for part in cell for value in _flat(part)]
    return [] if cell is None else [cell]
