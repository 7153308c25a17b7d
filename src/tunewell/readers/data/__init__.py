"""Labelled text from a file or a saved data set: one module a format, one way in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.columns import choose_columns
from tunewell.readers.data.labels import read_labels, require_one_class_each
from tunewell.readers.data.open import named_splits, open_table
from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table
from tunewell.subjects.dataset import BrokenRow, Dataset, Source, Split


def read_split(
    path: Path,
    *,
    name: str,
    text: str | None = None,
    label: str | None = None,
    label_required: bool = True,
) -> Split:
    """Read one split. Rows that cannot be read are kept apart in `broken`.

    Args:
        path: a CSV, TSV, JSON, JSON Lines (each also as .gz) or Parquet file, or a folder that
            `save_to_disk` wrote. Of a file or folder with several splits, `name` picks one.
        name: what the split is called: "train", "eval" or "test".
        text: the text column; worked out where None.
        label: the label column; worked out where None.
        label_required: whether rows without any label are an error.

    Raises:
        InputError: if no labelled row can be read from it.
    """
    table = open_table(path, name)
    if not table.lines:
        raise _nothing(path, table)
    text_name, label_name, reason = choose_columns(
        table, text=text, label=label, label_required=label_required, place=str(path)
    )
    labels = read_labels(table, label_name)
    require_one_class_each(labels, table.lines, column=label_name, place=str(path))
    texts: list[str] = []
    kept_labels: list[str | None] = []
    lines: list[int] = []
    broken = list(table.broken)
    for cell, given, line in zip(table.columns[text_name], labels, table.lines, strict=True):
        problem = _problem(cell, given)
        if problem is not None or not isinstance(cell, str):
            broken.append(BrokenRow(line, problem or "has no text"))
            continue
        texts.append(cell)
        kept_labels.append(given if isinstance(given, str) else None)
        lines.append(line)
    broken.sort(key=lambda row: row.line)
    if not texts:
        raise _nothing(path, table, broken)
    if label_required:
        _require_classes(kept_labels, path, name, label_name)
    source = Source(
        path=path,
        format=table.format,
        text_column=text_name,
        label_column=label_name,
        columns=tuple(table.columns),
        reason="; ".join((reason, *table.notes)),
        starts=tuple(sorted([*table.lines, *(row.line for row in table.broken)])),
        delimiter=table.delimiter,
        encoding=table.encoding,
    )
    return Split(name, texts, kept_labels, lines, source, tuple(broken))


def read_dataset(
    train: Path,
    *,
    evaluation: Path | None = None,
    test: Path | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Dataset:
    """Read training rows and, where given, the rows that judge the model.

    The other splits are read with the columns of the training split. A saved dictionary of data
    sets, or a JSON file with named splits, brings its own evaluation and test rows.

    Raises:
        InputError: if a split cannot be read.
    """
    own = named_splits(train)
    first = read_split(own.get("train", train), name="train", text=text, label=label)
    columns = first.source

    def other(name: str, path: Path | None) -> Split | None:
        if path is None:
            return None
        return read_split(path, name=name, text=columns.text_column, label=columns.label_column)

    return Dataset(
        train=first,
        evaluation=other("eval", evaluation or own.get("eval")),
        test=other("test", test or own.get("test")),
    )


def _nothing(path: Path, table: Table, broken: Sequence[BrokenRow] = ()) -> InputError:
    problems = broken or table.broken
    if not problems:
        return InputError(f"{path}: has a header line but no rows")
    first = problems[0]
    return InputError(
        f"{path}: none of its {len(problems):,} rows can be read; the first, at line "
        f"{first.line}, {first.problem}"
    )


def _problem(text: object, label: object) -> str | None:
    if text is None:
        return "has no text"
    if not isinstance(text, str):
        return f"has a text that is {_kind(text)}, not a string"
    if len(text) > MOST_ROW_CHARACTERS:
        return f"is longer than {MOST_ROW_CHARACTERS:,} characters"
    if label is not None and not isinstance(label, str):
        return f"has a label that is {_kind(label)}, not one name or number"
    return None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"


def _require_classes(
    labels: Sequence[str | None], path: Path, name: str, column: str | None
) -> None:
    classes = {label for label in labels if label is not None}
    if not classes:
        message = f"{path}: every label in column {column!r} is missing"
        raise InputError(message)
    if len(classes) == 1 and name == "train":
        message = (
            f"{path}: every row has the same label, {classes.pop()!r}; a classifier needs two "
            "classes or more"
        )
        raise InputError(message)
