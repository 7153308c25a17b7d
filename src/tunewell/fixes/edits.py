"""Apply edits to subjects: a new subject comes back, the old one stays as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tunewell.core.finding import DropRows, Edit, SetKey, SetLabel, SetText
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.recipe import Recipe


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
    labels = list(split.labels)
    texts: dict[int, str] = {}
    known = parts(split)
    dropped: set[int] = set()
    for edit in mine:
        if isinstance(edit, SetText):
            texts[int(known.start[edit.row]) + edit.part] = edit.new
        elif isinstance(edit, SetLabel):
            for row in edit.rows:
                labels[row] = edit.new
        elif isinstance(edit, DropRows):
            dropped.update(edit.rows)
    changed = known.replaced(texts) if texts else known
    edited = dataclasses.replace(
        split,
        texts=changed.whole_rows if texts else split.texts,
        labels=labels,
        parts=None if split.parts is None else changed,
    )
    return edited.take([row for row in range(len(split)) if row not in dropped])
