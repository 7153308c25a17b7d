"""Apply edits to subjects: a new subject comes back, the old one stays as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeVar

from tunewell.core.finding import DropRows, Edit, SetKey, SetLabel, SetText
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.recipe import Recipe

T = TypeVar("T")


def edit_dataset(dataset: Dataset, edits: Iterable[Edit]) -> Dataset:
    """The data set after the edits, whose row numbers are those of `dataset` as given."""
    wanted = tuple(edits)
    return Dataset(
        train=_edit_split(dataset.train, wanted),
        evaluation=dataset.evaluation and _edit_split(dataset.evaluation, wanted),
        test=dataset.test and _edit_split(dataset.test, wanted),
    )


def edit_recipe(recipe: Recipe, edits: Iterable[Edit]) -> Recipe:
    """The recipe after every `SetKey` among the edits."""
    values = {edit.path: edit.new for edit in edits if isinstance(edit, SetKey)}
    if not values:
        return recipe
    return dataclasses.replace(recipe, **values, given=recipe.given | values.keys())  # type: ignore[arg-type]


def _edit_split(split: Split, edits: Sequence[Edit]) -> Split:
    mine = [e for e in edits if not isinstance(e, SetKey) and e.split == split.name]
    if not mine:
        return split
    texts, labels = list(split.texts), list(split.labels)
    dropped: set[int] = set()
    for edit in mine:
        if isinstance(edit, SetText):
            texts[edit.row] = edit.new
        elif isinstance(edit, SetLabel):
            for row in edit.rows:
                labels[row] = edit.new
        elif isinstance(edit, DropRows):
            dropped.update(edit.rows)
    keep = [row for row in range(len(split)) if row not in dropped]
    return dataclasses.replace(
        split,
        texts=_pick(texts, keep),
        labels=_pick(labels, keep),
        lines=_pick(split.lines, keep),
    )


def _pick(values: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [values[row] for row in rows]
