"""The raw rows of a trainer's data sets, where tokenising left their texts in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.core.check import NotRunError
from tunewell.core.errors import InputError
from tunewell.preflight.stage import Probe, Stage
from tunewell.readers.data import Told, split_of
from tunewell.readers.data.table import Table
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Layout

MOST_ROWS = 2_000
"""Rows that are read of a split, evenly spaced: enough for what a template does to them."""

MADE = frozenset(
    {"input_ids", "attention_mask", "token_type_ids", "seq_lengths", "position_ids", "length"}
)
"""Columns that tokenising makes."""

SPLITS = {"train": "train_dataset", "eval": "eval_dataset"}


def live_dataset(stage: Stage) -> Dataset:
    """Read the columns of text that the data sets still have, as those of a file are read.

    Raises:
        NotRunError: if nothing but tokens is left, or nothing tells what the columns are.
    """
    try:
        train = _split(stage, stage.trainer.train_dataset, "train", None)
    except InputError as error:
        reason = f"the trainer's rows do not tell what their columns are: {error}"
        raise NotRunError(reason) from None
    if train is None:
        message = "the trainer's rows hold tokens alone; pass the data with --train FILE"
        raise NotRunError(message)
    judged = getattr(stage.trainer, "eval_dataset", None)
    if isinstance(judged, dict):
        judged = next(iter(judged.values()), None)
    try:
        evaluation = _split(stage, judged, "eval", train.source.layout)
    except InputError:
        evaluation = None
    return Dataset(train=train, evaluation=evaluation)


PROBE = Probe(gives=Dataset, run=live_dataset)


def _split(stage: Stage, dataset: Any, name: str, layout: Layout | None) -> Split | None:
    columns = getattr(dataset, "column_names", None)
    if not columns or not hasattr(dataset, "select") or not len(dataset):
        return None
    rows = np.unique(np.linspace(0, len(dataset) - 1, MOST_ROWS).astype(int))
    plain = dataset.select(rows.tolist()).with_format(None)
    cells = {column: plain[column][:] for column in columns if column not in MADE}
    end = _added_end(stage)
    kept = {
        column: [_without(value, end) for value in values] if end else values
        for column, values in cells.items()
        if not _is_numbers(values)
    }
    if not any(_is_said(values) for values in kept.values()):
        return None
    table = Table(
        format="a live data set",
        columns=kept,
        lines=(rows + 1).tolist(),
        class_names=_class_names(dataset),
    )
    told = Told(layout=layout, label_required=False)
    return split_of([table], Path(f"trainer.{SPLITS[name]}"), name=name, told=told)


def _added_end(stage: Stage) -> str | None:
    """The end token where the trainer itself writes it behind the texts of its rows."""
    if not type(stage.trainer.args).__module__.startswith("trl."):
        return None
    return getattr(stage.tokenizer, "eos_token", None)


def _without(value: Any, end: str) -> Any:
    return value.removesuffix(end) if isinstance(value, str) else value


def _is_numbers(values: Sequence[Any]) -> bool:
    """Whether a column holds lists of numbers: tokens, labels by token, masks or vectors."""
    first = next((value for value in values if value is not None), None)
    return isinstance(first, list) and bool(first) and isinstance(first[0], int | float)


def _is_said(values: Sequence[Any]) -> bool:
    first = next((value for value in values if value is not None), None)
    return isinstance(first, str) or (
        isinstance(first, list) and bool(first) and isinstance(first[0], Mapping)
    )


def _class_names(dataset: Any) -> dict[str, tuple[str, ...]]:
    features = getattr(dataset, "features", None) or {}
    return {
        name: tuple(feature.names)
        for name, feature in features.items()
        if isinstance(getattr(feature, "names", None), list)
    }
