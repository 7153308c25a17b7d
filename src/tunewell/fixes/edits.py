"""Apply edits to subjects: a new subject comes back, the old one stays as it was."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tunewell.core.finding import (
    AddRows,
    DropRows,
    Edit,
    MoveRows,
    SetKey,
    SetLabel,
    SetText,
)
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.joining import join
from tunewell.subjects.recipe import Recipe


def edit_dataset(dataset: Dataset, edits: Iterable[Edit]) -> Dataset:
    """The data set after the edits, whose row numbers are those of `dataset` as given."""
    wanted = tuple(edits)
    arriving: dict[str, list[Split]] = defaultdict(list)
    by_name = {split.name: split for split in dataset.splits}
    for edit in wanted:
        if isinstance(edit, MoveRows) and edit.split in by_name:
            arriving[edit.to].append(by_name[edit.split].take(edit.rows))

    def edited(split: Split | None) -> Split | None:
        if split is None:
            return None
        own = _edit_split(split, wanted)
        return join([own, *arriving[split.name]]) if arriving[split.name] else own

    train = edited(dataset.train)
    return Dataset(
        train=train or dataset.train,
        evaluation=edited(dataset.evaluation),
        test=edited(dataset.test),
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
    added: list[int] = []
    changed_copies: list[tuple[int, str]] = []
    for edit in mine:
        if isinstance(edit, SetText):
            texts[int(known.start[edit.row]) + edit.part] = edit.new
        elif isinstance(edit, SetLabel):
            for row in edit.rows:
                labels[row] = edit.new
        elif isinstance(edit, DropRows | MoveRows):
            dropped.update(edit.rows)
        elif isinstance(edit, AddRows):
            changed_copies += [(len(added) + at, text) for at, text in enumerate(edit.texts)]
            added += edit.of
    changed = known.replaced(texts) if texts else known
    edited = dataclasses.replace(
        split,
        texts=changed.whole_rows if texts else split.texts,
        labels=labels,
        parts=None if split.parts is None else changed,
    )
    kept = [row for row in range(len(split)) if row not in dropped]
    whole = edited.take([*kept, *added])
    return _with_texts(whole, {len(kept) + at: text for at, text in changed_copies})


def _with_texts(split: Split, new: Mapping[int, str]) -> Split:
    """The split with the first text of some rows replaced."""
    if not new:
        return split
    known = parts(split)
    changed = known.replaced({int(known.start[row]): text for row, text in new.items()})
    return dataclasses.replace(
        split, texts=changed.whole_rows, parts=None if split.parts is None else changed
    )
