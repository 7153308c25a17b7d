"""Read predictions where a row may have several labels: lists of names, or a column a label."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.readers.predictions import (
    LABEL_NAMES,
    PREDICTION_NAMES,
    PROBABILITY_PREFIXES,
    Columns,
    read_columns,
)
from tunewell.subjects.label_sets import LabelSets

THRESHOLD = 0.5
"""What libraries predict a label at, where the file has scores and no predictions."""


def read_label_sets(path: Path) -> LabelSets | None:
    """Predictions of several labels a row, None where the file has one label a row.

    A row has its labels as a list of names: in JSON and Parquet as it is, in CSV as the text of one
    (`["a", "b"]`). Beside the column of given labels there is one of predictions, or a column
    `p_<label>` (also `prob_`, `proba_`, `probability_`) for each label, from which a label is
    predicted at 0.5.

    Raises:
        InputError: if the file cannot be read, or a row of lists holds something else.
    """
    columns, lines = read_columns(path)
    given = _column(columns, LABEL_NAMES)
    if given is None or not any(_is_list(value) for value in columns[given]):
        return None
    labels = _lists(path, columns[given], lines, given)
    predicted = _column(columns, PREDICTION_NAMES)
    scored = _scored(columns)
    if predicted is None and not scored:
        message = (
            f"{path}: {given!r} holds lists of labels, and nothing beside it is named like a "
            "prediction or like p_<label>; add one of the two"
        )
        raise InputError(message)
    made = None if predicted is None else _lists(path, columns[predicted], lines, predicted)
    names = sorted({name for row in [*labels, *(made or [])] for name in row} | scored.keys())
    scores = None
    if scored and scored.keys() == set(names):
        try:
            scores = np.stack(
                [np.asarray(columns[scored[name]], dtype=np.float32) for name in names], axis=1
            )
        except (TypeError, ValueError) as error:
            message = f"{path}: a score is not a number ({error})"
            raise InputError(message) from None
    if made is not None:
        chosen = _matrix(made, names)
    elif scores is not None:
        chosen = scores >= THRESHOLD
    else:
        lacking = ", ".join(sorted(set(names) - scored.keys())[:5])
        message = f"{path}: there are scores for some labels and none for {lacking}"
        raise InputError(message)
    return LabelSets(
        name=path.stem,
        label_names=tuple(names),
        given=_matrix(labels, names),
        predicted=chosen,
        scores=scores,
        file=str(path),
    )


def _column(columns: Columns, usual: Sequence[str]) -> str | None:
    lowered = {name.strip().lower(): name for name in columns}
    return next((lowered[name] for name in usual if name in lowered), None)


def _scored(columns: Columns) -> dict[str, str]:
    for prefix in PROBABILITY_PREFIXES:
        found = {
            name[len(prefix) :].rstrip(")"): name for name in columns if name.startswith(prefix)
        }
        if found:
            return found
    return {}


def _is_list(value: Any) -> bool:  # noqa: ANN401  a cell of any file
    return isinstance(value, list | tuple) or (
        isinstance(value, str) and value.strip().startswith("[") and value.strip().endswith("]")
    )


def _lists(
    path: Path, values: Sequence[Any], lines: Sequence[int], column: str
) -> list[frozenset[str]]:
    return [_names(path, value, line, column) for value, line in zip(values, lines, strict=True)]


def _names(path: Path, value: Any, line: int, column: str) -> frozenset[str]:  # noqa: ANN401
    if value is None or (isinstance(value, str) and not value.strip()):
        return frozenset()
    cell = value
    if isinstance(cell, str) and _is_list(cell):
        for read in (json.loads, ast.literal_eval):
            try:
                cell = read(cell)
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    if not isinstance(cell, list | tuple):
        message = (
            f"{path}:{line}: {column!r} holds lists of labels in other rows and here "
            f"{str(value)[:40]!r}; write "
            '["a", "b"], or [] for none'
        )
        raise InputError(message)
    return frozenset(str(name) for name in cell)


def _matrix(rows: Sequence[frozenset[str]], names: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([[name in row for name in names] for row in rows], dtype=np.bool_).reshape(
        len(rows), len(names)
    )
