"""Rows to fine-tune on from a file or a saved data set: one module a format, one way in."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.data.build import SplitBuilder
from tunewell.readers.data.class_names import names_beside
from tunewell.readers.data.columns import choose_columns
from tunewell.readers.data.kinds import recognise_kind
from tunewell.readers.data.labels import read_labels, refuse_quantity
from tunewell.readers.data.open import NoRowsError, named_splits, open_tables
from tunewell.readers.data.several import flag_columns, how_several
from tunewell.readers.data.table import Table, joined
from tunewell.readers.data.unusable import why_unusable
from tunewell.subjects.dataset import BrokenRow, Dataset, Split
from tunewell.subjects.joining import join
from tunewell.subjects.layout import FLAG, Kind, Layout


def read_split(
    path: Path,
    *,
    name: str,
    text: str | None = None,
    label: str | None = None,
    label_required: bool = True,
    layout: Layout | None = None,
) -> Split:
    """Read one split. Rows that cannot be read are kept apart in `broken`.

    Args:
        path: a CSV, TSV, JSON, JSON Lines (each also as .gz) or Parquet file, or a folder that
            `save_to_disk` wrote. Of a file or folder with several splits, `name` picks one.
        name: what the split is called: "train", "eval" or "test".
        text: the text column of data for classification; worked out where None.
        label: the label column; worked out where None.
        label_required: whether classification rows without any label are an error.
        layout: how columns make up a row; worked out where None or where the file lacks a column.

    Raises:
        InputError: if no row can be read from it.
    """
    told = Told(text, label, label_required=label_required, layout=layout)
    return split_of(open_tables(path, name), path, name=name, told=told)


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller says about the columns; see `read_split`.

    `several_files` says that the file is one of several, which may hold a single class.
    """

    text: str | None = None
    label: str | None = None
    label_required: bool = True
    layout: Layout | None = None
    several_files: bool = False


def split_of(given: Iterable[Table], path: Path, *, name: str, told: Told) -> Split:
    """A split of the rows of tables that come one after the other.

    Raises:
        InputError: if there are no rows, or nothing tells what the columns are.
    """
    tables = iter(given)
    table = next(tables)
    while not table.lines and (following := next(tables, None)) is not None:
        table = joined(table, following)
    if not table.lines:
        raise _nothing(path, table)
    understood = _understand(table, path, told)
    builder = SplitBuilder(understood.layout, understood.label)
    columns: dict[str, None] = {}
    for batch in itertools.chain([table], tables):
        columns.update(dict.fromkeys(batch.columns))
        labels = read_labels(batch, understood.label, understood.layout.flags)
        builder.add(batch, labels)
    split = builder.finish(name, path, table, understood.reason, tuple(columns))
    if not len(split):
        raise _nothing(path, table, split.broken)
    if not told.several_files:
        _require_labels(split, path, told)
    return _with_class_names(split, path)


def _with_class_names(split: Split, path: Path) -> Split:
    """The split with the names of its classes in order, where a list beside the file tells them."""
    if split.source.class_names or split.kind not in {Kind.CLASSIFICATION, Kind.MULTI_LABEL}:
        return split
    names = names_beside(path, Dataset(train=split).label_names)
    if not names:
        return split
    return dataclasses.replace(split, source=dataclasses.replace(split.source, class_names=names))


@dataclass(frozen=True, slots=True)
class _Understood:
    layout: Layout
    label: str | None
    reason: str


def _understand(table: Table, path: Path, told: Told) -> _Understood:
    """What the columns are: as told, as in the training rows, or worked out."""
    text, label, layout = told.text, told.label, told.layout
    if layout is not None and layout.kind is not Kind.CLASSIFICATION:
        if layout.used <= set(table.columns):
            return _Understood(layout, _label_column(layout), "the columns of the training data")
        text = label = None
    if not text and not label and (reason := why_unusable(table)) is not None:
        message = f"{path}: {reason}"
        raise InputError(message)
    found = None if text or label else recognise_kind(table)
    if found is not None:
        return _Understood(found.layout, _label_column(found.layout), found.reason)
    flags = {} if label else flag_columns(table)
    rest = {n: cells for n, cells in table.columns.items() if n not in flags.values()}
    text_name, label_name, reason = choose_columns(
        dataclasses.replace(table, columns=rest),
        text=text,
        label=label,
        label_required=told.label_required and not flags,
        place=str(path),
    )
    if flags and label_name is None:
        slots = {"text": text_name} | {FLAG + name: column for name, column in flags.items()}
        reason = f"{Kind.MULTI_LABEL}: {reason}, {len(flags):,} columns are its labels"
        return _Understood(Layout(Kind.MULTI_LABEL, slots), None, reason)
    labels = read_labels(table, label_name)
    columns = {"text": text_name} | ({"label": label_name} if label_name else {})
    several = how_several(labels)
    if several is None:
        refuse_quantity(labels, label_name, str(path))
        return _Understood(Layout(Kind.CLASSIFICATION, columns), label_name, reason)
    made = Layout(
        Kind.MULTI_LABEL, columns, separator=several.separator, multi_hot=several.multi_hot
    )
    return _Understood(made, label_name, f"{made.kind}: {reason}")


def _label_column(layout: Layout) -> str | None:
    return next(
        (layout.columns[s] for s in ("label", "tags", "preferred") if s in layout.columns), None
    )


def read_dataset(
    train: Path | Sequence[Path],
    *,
    evaluation: Path | Sequence[Path] | None = None,
    test: Path | Sequence[Path] | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Dataset:
    """Read training rows and, where given, the rows that judge the model.

    A split may lie in several files. The other splits are read with the columns of the training
    split. A saved dictionary of data sets, or a JSON file with named splits, brings its own
    evaluation and test rows.

    Raises:
        InputError: if a split cannot be read.
    """
    files = _files(train)
    own = named_splits(files[0]) if len(files) == 1 else {}
    first = _read_files(_files(own.get("train", train)), "train", Told(text, label))
    columns = first.source
    told = Told(columns.text_column, columns.label_column, layout=columns.layout)

    def other(name: str, given: Path | Sequence[Path] | None) -> Split | None:
        return _read_files(_files(given), name, told) if given else None

    return Dataset(
        train=first,
        evaluation=other("eval", evaluation or own.get("eval")),
        test=other("test", test or own.get("test")),
    )


def _files(given: Path | Sequence[Path]) -> Sequence[Path]:
    return (given,) if isinstance(given, Path) else given


def _read_files(paths: Sequence[Path], name: str, told: Told) -> Split:
    if len(paths) == 1:
        return split_of(open_tables(paths[0], name), paths[0], name=name, told=told)
    own = dataclasses.replace(told, several_files=True)
    splits: list[Split] = []
    lost: list[BrokenRow] = []
    failed: list[InputError] = []
    for path in paths:
        tables = open_tables(path, name)
        try:
            first = next(tables)
        except InputError as error:
            failed.append(error)
            if not isinstance(error, NoRowsError):
                problem = f"cannot be read: the file {str(error).removeprefix(f'{path}: ')}"
                lost.append(BrokenRow(1, problem, path, ends_file=True))
            continue
        try:
            read = split_of(itertools.chain([first], tables), path, name=name, told=own)
        except NoRowsError as error:
            failed.append(error)
            continue
        splits.append(read)
        source = splits[0].source
        own = Told(
            source.text_column,
            source.label_column,
            label_required=False,
            layout=source.layout,
            several_files=True,
        )
    if not splits:
        raise failed[0]
    whole = join(splits)
    _require_labels(whole, paths[0], told)
    reason = whole.source.reason
    if len(failed) > len(lost):
        empty = counted(len(failed) - len(lost), "file")
        reason += f"; {empty} of {len(paths):,} without rows"
    return dataclasses.replace(
        whole,
        broken=(*whole.broken, *lost),
        source=dataclasses.replace(whole.source, reason=reason),
    )


def require_classification(dataset: Dataset) -> Dataset:
    """The data set, where it is what the commands that train take.

    Raises:
        InputError: if it is of another kind.
    """
    if dataset.kind is not Kind.CLASSIFICATION:
        message = (
            f"{dataset.train.source.path}: holds {dataset.kind}; training is for single-label "
            "classification so far, checks are for every kind"
        )
        raise InputError(message)
    return dataset


def _nothing(path: Path, table: Table, broken: Sequence[BrokenRow] = ()) -> InputError:
    problems = broken or table.broken
    if not problems:
        return NoRowsError(f"{path}: has a header line but no rows")
    first = problems[0]
    return InputError(
        f"{path}: none of its {len(problems):,} rows can be read; the first, at line "
        f"{first.line}, {first.problem}"
    )


def _require_labels(split: Split, path: Path, told: Told) -> None:
    if not told.label_required or split.kind is not Kind.CLASSIFICATION:
        return
    classes = {label for label in split.labels if label is not None}
    if not classes:
        message = f"{path}: every label in column {split.source.label_column!r} is missing"
        raise InputError(message)
    if len(classes) == 1 and split.name == "train":
        message = (
            f"{path}: every row has the same label, {classes.pop()!r}; a classifier needs two "
            "classes or more"
        )
        raise InputError(message)
