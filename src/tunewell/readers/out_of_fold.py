"""Read out-of-sample probabilities that the user's own models gave: NumPy files or tables."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.data.names import fold_name
from tunewell.readers.data.open import SUFFIXES, data_suffix, open_tables
from tunewell.readers.predictions import PROBABILITY_PREFIXES
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.out_of_fold import OutOfFold

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

PROBABILITIES, CLASSES = "probabilities", "classes"
NUMPY = (".npy", ".npz")
ROW_NAMES = frozenset({"row", "row_number", "index", "unnamed_0"})
FAR_FROM_ONE = 0.01
"""What a row's sum may miss 1 by: probabilities written with two digits miss it by less."""

NAMES_SHOWN = 5
TWO_AXES = 2


def read_out_of_fold(path: Path, dataset: Dataset) -> OutOfFold:
    """The probabilities of the training rows that have a label.

    Args:
        path: .npy of shape (rows, classes) with the classes in the order of their sorted names;
            .npz with `probabilities` and, optionally, `classes`; or a table (CSV, JSON Lines,
            Parquet) with a column a class and, optionally, `row`, a number from 0.
        dataset: single-label classification. Rows of its file that cannot be read count, if the
            file has a row for them too.

    Raises:
        InputError: if it cannot be read, or does not fit the training rows and their labels.
    """
    if dataset.kind is not Kind.CLASSIFICATION:
        message = f"{path}: probabilities are for single-label rows; these are {dataset.kind}"
        raise InputError(message)
    suffix = data_suffix(path)
    if suffix in NUMPY:
        values, names, rows = *_arrays(path), None
    elif suffix in SUFFIXES:
        values, names, rows = _table(path, dataset.label_names)
    else:
        message = f"{path}: {suffix or 'no suffix'} holds no probabilities; known: {_known()}"
        raise InputError(message)
    labels = dataset.label_names
    _require_shape(path, values, dataset.train, labels, rows)
    values = values[:, _order(path, names, labels)] if names is not None else values
    _require_probabilities(path, values)
    places = _places(path, dataset.train, rows, len(values))
    number = {name: at for at, name in enumerate(labels)}
    given = [dataset.train.labels[row] if row >= 0 else None for row in places.tolist()]
    kept = np.flatnonzero([label is not None for label in given])
    order = kept[np.argsort(places[kept], kind="stable")]
    ids = [number[label] for at in order.tolist() if (label := given[at]) is not None]
    chosen = values[order]
    return OutOfFold(
        rows=places[order],
        classes=labels,
        given=np.array(ids, dtype=np.int64),
        probabilities=chosen / chosen.sum(axis=1, keepdims=True),
        source=f"probabilities of {path.name}",
    )


def _known() -> str:
    return ", ".join((*NUMPY, ".csv", ".jsonl", ".parquet"))


def _arrays(path: Path) -> tuple[Floats, tuple[str, ...] | None]:
    """The probabilities of a NumPy file and the names of their columns, where it has them."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return _floats(path, loaded), None
            if PROBABILITIES not in loaded:
                message = f"{path}: has no array named {PROBABILITIES!r}; it has: "
                raise InputError(message + (", ".join(loaded.files) or "none"))
            classes = loaded.get(CLASSES)
            names = None if classes is None else tuple(map(str, np.ravel(classes).tolist()))
            return _floats(path, loaded[PROBABILITIES]), names
    except FileNotFoundError:
        message = f"{path}: no such file"
        raise InputError(message) from None
    except (ValueError, EOFError, zipfile.BadZipFile, OSError) as error:
        what = str(error).partition("\n")[0]
        if "pickle" in what:
            what = "it holds Python objects; save numbers, and names as text (dtype=str)"
        message = f"{path}: is no NumPy file that can be read: {what}"
        raise InputError(message) from None


def _floats(path: Path, array: NDArray[Any]) -> Floats:
    if array.dtype.kind not in "fiu":
        message = f"{path}: holds {array.dtype}, not probabilities"
        raise InputError(message)
    return array.astype(np.float32 if array.dtype.itemsize <= np.float32().itemsize else np.float64)


def _table(path: Path, labels: Sequence[str]) -> tuple[Floats, tuple[str, ...], Ints | None]:
    """The probabilities of a table, the names of their columns, and its row numbers."""
    columns: dict[str, list[Any]] = {}
    for table in open_tables(path, "train"):
        if table.broken:
            first = table.broken[0]
            message = f"{path}: line {first.line:,} {first.problem}"
            raise InputError(message)
        for name, cells in table.columns.items():
            columns.setdefault(name, []).extend(cells)
    numbers = next((n for n in columns if fold_name(n) in ROW_NAMES and n not in labels), None)
    rows = None
    if numbers is not None:
        rows = _whole_numbers(path, numbers, _column(path, numbers, columns.pop(numbers)))
    known = set(labels)
    named = {_class_of(name, known): cells for name, cells in columns.items()}
    # Text, label and prediction may stand beside the probabilities.
    extra = {"text", "label", "prediction", "confidence", "line", "fold", "id"}
    named = {n: cells for n, cells in named.items() if n in known or fold_name(n) not in extra}
    missing = [label for label in labels if label not in named]
    if missing:
        message = f"{path}: has no column for {_listed(missing)}; it has: {_listed(list(columns))}"
        raise InputError(message)
    unknown = [name for name in named if name not in known]
    if unknown:
        message = f"{path}: {_listed(unknown)} is no label of the training data"
        raise InputError(message)
    stacked = np.stack([_column(path, name, cells) for name, cells in named.items()], axis=1)
    return stacked, tuple(named), rows


def _class_of(name: str, labels: set[str]) -> str:
    if name in labels:
        return name
    prefixes = (p for p in PROBABILITY_PREFIXES if name.lower().startswith(p))
    bare = (name[len(prefix) :].removesuffix(")" if "(" in prefix else "") for prefix in prefixes)
    return next((found for found in bare if found in labels), name)


def _column(path: Path, name: str, cells: Sequence[Any]) -> Floats:
    try:
        return np.array([float(cell) for cell in cells])
    except (TypeError, ValueError):
        pass
    for at, cell in enumerate(cells):
        try:
            float(cell)
        except (TypeError, ValueError):
            message = f"{path}: column {name!r} holds {cell!r} in row {at:,}, not a number"
            raise InputError(message) from None
    raise AssertionError


def _whole_numbers(path: Path, name: str, values: Floats) -> Ints:
    if not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        message = f"{path}: column {name!r} holds a value that is no row number"
        raise InputError(message)
    return values.astype(np.int64)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    shown = ", ".join(map(repr, names[:NAMES_SHOWN]))
    return f"{shown} and {more:,} more" if more > 0 else shown


def _require_shape(
    path: Path, values: Floats, train: Split, labels: Sequence[str], rows: Ints | None
) -> None:
    wanted = f"({len(train):,} rows, {len(labels):,} classes)"
    shape = f"({', '.join(f'{size:,}' for size in values.shape)})"
    if values.ndim != TWO_AXES:
        message = f"{path}: has shape {shape} where {wanted} is wanted"
        raise InputError(message)
    count, classes = values.shape
    if classes != len(labels):
        turned = (classes, count) == (len(train), len(labels))
        hint = "; turn it round with .T" if turned else ""
        message = f"{path}: has shape {shape} where {wanted} is wanted{hint}"
        raise InputError(message)
    if rows is None and count not in {len(train), len(train) + len(train.broken)}:
        broken = len(train.broken)
        also = f" and {counted(broken, 'row')} that cannot be read" if broken else ""
        message = f"{path}: has {counted(count, 'row')}; the training data has {len(train):,}{also}"
        raise InputError(message)
    if not count:
        message = f"{path}: has no rows"
        raise InputError(message)


def _order(path: Path, names: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The columns in the order of the labels."""
    at = {name: number for number, name in enumerate(names)}
    missing = [label for label in labels if label not in at]
    if missing or len(names) != len(labels):
        message = (
            f"{path}: its {counted(len(names), 'class name')} do not match the training labels; "
            f"missing: {_listed(missing) or 'none, but some come twice'}"
        )
        raise InputError(message)
    return [at[label] for label in labels]


def _require_probabilities(path: Path, values: Floats) -> None:
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        message = f"{path}: row {int(np.argmin(finite)):,} holds a value that is no number"
        raise InputError(message)
    low, high = float(values.min()), float(values.max())
    sums = values.sum(axis=1, dtype=np.float64)
    apart = np.abs(sums - 1) > FAR_FROM_ONE
    problem = None
    if high <= 0:
        problem = "look like logarithms of probabilities; pass their exp"
    elif low < 0:
        problem = "look like logits; pass their softmax"
    elif high > 1:
        hundred = bool((np.abs(sums - 100) < 100 * FAR_FROM_ONE).all())
        problem = "are no probabilities; of logits pass the softmax"
        if hundred:
            problem = "look like percent; divide by 100"
    if problem is not None:
        message = f"{path}: its values go from {low:.4g} to {high:.4g}: they {problem}"
        raise InputError(message)
    if apart.any():
        at = int(np.argmax(apart))
        many = f" ({int(apart.sum()):,} of {len(values):,} rows do not)"
        message = f"{path}: row {at:,} sums to {sums[at]:.4g}; a row's must sum to 1{many}"
        raise InputError(message)
    if ((values == 0) | (values == 1)).all():
        message = f"{path}: holds only 0 and 1; pass the probabilities, not the decisions"
        raise InputError(message)


def _places(path: Path, train: Split, rows: Ints | None, count: int) -> Ints:
    """The number of the training row that each row is about; -1 for rows that cannot be read."""
    total = len(train) + len(train.broken)
    if rows is not None:
        counts_broken = len(rows) == total
        outside = (rows < 0) | (rows >= (total if counts_broken else len(train)))
        if outside.any():
            message = (
                f"{path}: row number {int(rows[np.argmax(outside)]):,} is not there; the "
                f"{len(train):,} training rows count from 0"
            )
            raise InputError(message)
        if len(np.unique(rows)) < len(rows):
            message = f"{path}: has a row number twice"
            raise InputError(message)
    else:
        counts_broken = count == total
        rows = np.arange(count, dtype=np.int64)
    if not counts_broken or not train.broken:
        return rows
    if train.file_number is not None:
        message = f"{path}: leave out the {counted(len(train.broken), 'row')} that cannot be read"
        raise InputError(message)
    lines = {line: at for at, line in enumerate(train.lines)}
    in_file = sorted([*train.lines, *(row.line for row in train.broken)])
    return np.array([lines.get(in_file[row], -1) for row in rows.tolist()], dtype=np.int64)
