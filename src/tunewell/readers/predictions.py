"""Read and write predictions beside their labels: CSV, TSV, JSON, JSONL or Parquet."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.subjects.evaluation import Evaluation

PROBABILITY = "p_"
"""Prefix of the probability columns that `write_predictions` makes."""

MANY_ROWS = 20
"""On so many rows a model that is never right is a mistake in the file."""

LABEL_NAMES = (
    "label", "labels", "gold", "gold_label", "true_label", "y_true", "true", "truth", "target",
    "given", "expected", "reference", "intent", "category", "class", "actual",
)  # fmt: skip
PREDICTION_NAMES = (
    "prediction", "predictions", "predicted", "predicted_label", "pred", "preds", "pred_label",
    "y_pred", "predicted_class", "model_output", "output",
)  # fmt: skip
TEXT_NAMES = (
    "text", "sentence", "utterance", "query", "input", "content", "message", "review",
    "question", "document", "body", "title",
)  # fmt: skip
PROBABILITY_PREFIXES = (PROBABILITY, "prob_", "proba_", "probability_", "p(")

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Table:
    """Columns of equal length with the 1-based line of each row."""

    columns: Columns
    lines: Sequence[int]


def read_predictions(
    path: Path, *, text: str | None = None, label: str | None = None, prediction: str | None = None
) -> Evaluation:
    """Predictions beside the labels they should have been.

    Columns are guessed by the names that people give them unless they are named. Columns called
    `p_<label>` (also `prob_`, `proba_`, `probability_`) for every label are read as probabilities;
    without a prediction column the largest one is the prediction.

    Args:
        path: a .csv, .tsv, .json, .jsonl or .parquet file.
        text: name of the column with the text.
        label: name of the column with the given label.
        prediction: name of the column with the predicted label.

    Raises:
        InputError: if the file cannot be read, lacks the columns, or a row lacks a value.
    """
    table = _read(path)
    columns = table.columns
    label_column = _column(path, columns, label, LABEL_NAMES, "given label", "--label")
    assert label_column is not None  # noqa: S101  a required column is found or refused
    given = _values(path, table, label_column)
    probabilities = _probability_columns(columns)
    prediction_column = _column(
        path, columns, prediction, PREDICTION_NAMES, "prediction", "--prediction",
        required=not probabilities,
    )  # fmt: skip
    if prediction_column is not None:
        predicted = _values(path, table, prediction_column)
        if not probabilities and _written_differently(set(given), set(predicted), len(given)):
            message = (
                f"{path}: no value of {prediction_column!r} (such as {predicted[0]!r}) is a value "
                f"of {label_column!r} (such as {given[0]!r}); write both as the same label names"
            )
            raise InputError(message)
    else:
        stacked = _stack(path, table, probabilities)
        names = list(probabilities)
        predicted = [names[number] for number in stacked.argmax(axis=1)]
    names = _ordered({*given, *predicted, *probabilities})
    text_column = _column(path, columns, text, TEXT_NAMES, "text", "--text", required=False)
    ids = {name: number for number, name in enumerate(names)}
    complete = len(probabilities) == len(names)
    return Evaluation(
        name=path.stem,
        label_names=tuple(names),
        given=np.array([ids[value] for value in given], dtype=np.int64),
        predicted=np.array([ids[value] for value in predicted], dtype=np.int64),
        probabilities=(
            _stack(path, table, {name: probabilities[name] for name in names}) if complete else None
        ),
        texts=None
        if text_column is None
        else tuple("" if value is None else str(value) for value in columns[text_column]),
        lines=table.lines,
        file=str(path),
    )


def read_columns(path: Path) -> tuple[Columns, Sequence[int]]:
    """The columns of a predictions file as they are, with the 1-based line of each row.

    Raises:
        InputError: if it cannot be read.
    """
    table = _read(path)
    return table.columns, table.lines


def write_predictions(evaluation: Evaluation, path: Path) -> None:
    """Write text, label, prediction, confidence and a probability a class as CSV.

    `read_predictions` reads the file back. Columns that the evaluation lacks are left out.
    """
    names = evaluation.label_names
    header = ["label", "prediction"]
    if evaluation.texts is not None:
        header.insert(0, "text")
    probabilities = evaluation.probabilities
    if probabilities is not None:
        header += ["confidence", *(f"{PROBABILITY}{name}" for name in names)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in range(len(evaluation)):
            cells: list[object] = [] if evaluation.texts is None else [evaluation.texts[row]]
            predicted = int(evaluation.predicted[row])
            cells += [names[int(evaluation.given[row])], names[predicted]]
            if probabilities is not None:
                cells.append(f"{probabilities[row, predicted]:.6g}")
                cells += [f"{share:.6g}" for share in probabilities[row].tolist()]
            writer.writerow(cells)


# -- columns -----------------------------------------------------------------------------------


def _column(  # noqa: PLR0913  what is wanted, and how to say that it is not there
    path: Path,
    columns: Columns,
    named: str | None,
    usual: Sequence[str],
    what: str,
    flag: str,
    *,
    required: bool = True,
) -> str | None:
    listed = ", ".join(repr(name) for name in columns if not name.startswith(PROBABILITY))
    if named is not None:
        if named in columns:
            return named
        message = f"{path}: there is no column {named!r}; the columns are {listed}"
        raise InputError(message)
    lowered = {name.strip().lower(): name for name in columns}
    for name in usual:
        if name in lowered:
            return lowered[name]
    if not required:
        return None
    message = (
        f"{path}: no column is named like a {what} ({', '.join(usual[:4])} ...); the columns are "
        f"{listed}; say which it is with {flag} NAME"
    )
    raise InputError(message)


def _values(path: Path, table: _Table, column: str) -> list[str]:
    """The column as label names: whole numbers lose their ".0", nothing may be missing."""
    values = [_name(value) for value in table.columns[column]]
    missing = [row for row, value in enumerate(values) if value is None]
    if missing:
        message = (
            f"{path}:{table.lines[missing[0]]}: {len(missing):,} of {len(values):,} rows have no "
            f"value in {column!r}; fill them in or leave these rows out"
        )
        raise InputError(message)
    return [value for value in values if value is not None]


def _name(value: object) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if text.lower() in {"", "nan", "null", "none", "<na>"}:
        return None
    whole, point, fraction = text.partition(".")
    if point and whole.lstrip("-").isdigit() and not fraction.strip("0"):
        return whole
    return text


def _written_differently(given: set[str], predicted: set[str], rows: int) -> bool:
    """Whether labels and predictions do not speak of the same names: ids here, names there."""
    if given & predicted:
        return False
    numbers = [all(name.lstrip("-").isdigit() for name in names) for names in (given, predicted)]
    return numbers[0] != numbers[1] or rows >= MANY_ROWS


def _ordered(names: set[str]) -> list[str]:
    """By number where all are whole numbers, else by name."""
    if all(name.lstrip("-").isdigit() for name in names):
        return sorted(names, key=int)
    return sorted(names)


def _probability_columns(columns: Columns) -> dict[str, str]:
    """Label name to column; empty where there are fewer than two."""
    for prefix in PROBABILITY_PREFIXES:
        found = {
            name[len(prefix) :].rstrip(")"): name for name in columns if name.startswith(prefix)
        }
        if len(found) > 1:
            return found
    return {}


def _stack(path: Path, table: _Table, columns: Mapping[str, str]) -> NDArray[np.float32]:
    try:
        return np.stack(
            [np.asarray(table.columns[name], dtype=np.float32) for name in columns.values()],
            axis=1,
        )
    except (TypeError, ValueError) as error:
        message = f"{path}: a probability is not a number ({error})"
        raise InputError(message) from None


# -- files -------------------------------------------------------------------------------------


def _read(path: Path) -> _Table:
    ending = path.suffix.lower()
    reader = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".txt": _read_csv,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
        ".json": _read_json,
        ".parquet": _read_parquet,
    }.get(ending)
    if path.is_dir():
        message = f"{path}: is a folder; pass a predictions file or a run folder that holds one"
        raise InputError(message)
    if reader is None:
        message = f"{path}: predictions are read from .csv, .tsv, .json, .jsonl or .parquet files"
        raise InputError(message)
    try:
        table = reader(path)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: is not UTF-8 text (byte {error.start:,}); save it as UTF-8"
        raise InputError(message) from None
    if not table.lines:
        message = f"{path}: holds no rows"
        raise InputError(message)
    return table


def _read_csv(path: Path) -> _Table:
    csv.field_size_limit(2**31 - 1)
    rows: list[list[str]] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(",\t;", key=first.count) if path.suffix.lower() != ".tsv" else "\t"
        reader = csv.reader(file, delimiter=delimiter)
        try:
            header = next(reader, [])
            began = reader.line_num + 1
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(began)
                began = reader.line_num + 1
        except csv.Error as error:
            message = f"{path}:{reader.line_num}: not valid CSV: {error}"
            raise InputError(message) from None
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            message = f"{path}:{line}: {len(row)} fields where the header names {len(header)}"
            raise InputError(message)
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    return _Table(dict(zip(header, cells, strict=True)), lines)


def _read_jsonl(path: Path) -> _Table:
    records: list[Any] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                records.append(json.loads(line))
            except ValueError as error:
                message = f"{path}:{number}: not valid JSON: {error}"
                raise InputError(message) from None
            lines.append(number)
    return _from_records(path, records, lines)


def _read_json(path: Path) -> _Table:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        message = f"{path}: not valid JSON: {error}"
        raise InputError(message) from None
    if isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list)), content)
    if not isinstance(content, list):
        message = f"{path}: holds no list of rows"
        raise InputError(message)
    return _from_records(path, content, list(range(1, len(content) + 1)))


def _from_records(path: Path, records: Sequence[Any], lines: list[int]) -> _Table:
    for record, line in zip(records, lines, strict=True):
        if not isinstance(record, dict):
            message = (
                f"{path}:{line}: a row must be an object such as {{'text': ..., 'label': ...}}"
            )
            raise InputError(message)
    names = list(dict.fromkeys(name for record in records for name in record))
    return _Table({name: [record.get(name) for record in records] for name in names}, lines)


def _read_parquet(path: Path) -> _Table:
    import pyarrow as pa  # noqa: PLC0415  0.1 s that only this format needs
    from pyarrow import parquet  # noqa: PLC0415  the same

    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as error:
        message = f"{path}: not a Parquet file: {str(error).splitlines()[0]}"
        raise InputError(message) from None
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return _Table(columns, list(range(1, table.num_rows + 1)))
