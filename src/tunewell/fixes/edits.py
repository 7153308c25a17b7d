"""Apply edits to subjects: a new subject comes back, the old one stays as it was."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tunewell.core.finding import (
    AddRows,
    DropRows,
    Edit,
    JoinTurns,
    MoveRows,
    RenameKey,
    SetKey,
    SetLabel,
    SetText,
)
from tunewell.facts.parts import parts
from tunewell.fixes.merge import merged
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.joining import join
from tunewell.subjects.parts import SEPARATOR, Parts
from tunewell.subjects.recipe import Recipe, Written


def edit_dataset(dataset: Dataset, edits: Iterable[Edit]) -> Dataset:
    """The data set after the edits, whose row numbers are those of `dataset` as given.

    Texts and labels are changed first, so that copies and moved rows carry the change. A row that
    is dropped is neither copied nor moved.
    """
    wanted = tuple(edits)
    changed = {split.name: _change_rows(split, wanted) for split in dataset.splits}
    dropped: defaultdict[str, set[int]] = defaultdict(set)
    for edit in wanted:
        if isinstance(edit, DropRows):
            dropped[edit.split].update(edit.rows)

    def edited(split: Split | None) -> Split | None:
        return None if split is None else _assemble(split.name, changed, dropped, wanted)

    return Dataset(
        train=_assemble(dataset.train.name, changed, dropped, wanted),
        evaluation=edited(dataset.evaluation),
        test=edited(dataset.test),
    )


def edit_recipe(recipe: Recipe, edits: Iterable[Edit]) -> Recipe:
    """The recipe after every `SetKey` and `RenameKey` among the edits.

    A renamed key is changed where it is kept as written; which setting it gives stays the same.
    """
    for edit in edits:
        if isinstance(edit, RenameKey):
            recipe = dataclasses.replace(recipe, written=_renamed(recipe.written, edit))
        if isinstance(edit, SetKey):
            changed = _replaced_at(recipe, edit.path.split("."), edit.new)
            recipe = dataclasses.replace(changed, given=recipe.given | {edit.path})
    return recipe


def _renamed(written: Iterable[Written], edit: RenameKey) -> tuple[Written, ...]:
    return tuple(
        dataclasses.replace(each, key=edit.new)
        if (each.place.key or each.key) == edit.key and each.place.line == edit.line
        else each
        for each in written
    )


def _replaced_at(group: Any, path: Sequence[str], new: object) -> Any:  # noqa: ANN401
    """The settings with one of them, however deep, replaced."""
    name, *rest = path
    value = _replaced_at(getattr(group, name), rest, new) if rest else new
    return dataclasses.replace(group, **{name: value})


def _change_rows(split: Split, edits: Sequence[Edit]) -> Split:
    """The split with its texts and labels changed."""
    labels = list(split.labels)
    known = parts(split)
    texts: dict[int, str] = {}
    joins: list[list[int]] = []
    mine = [
        e for e in edits if isinstance(e, SetText | SetLabel | JoinTurns) and e.split == split.name
    ]
    for edit in mine:
        if isinstance(edit, SetText):
            at = int(known.start[edit.row]) + edit.part
            texts[at] = merged(known.texts[at], texts[at], edit.new) if at in texts else edit.new
        elif isinstance(edit, JoinTurns):
            joins.append([int(known.start[edit.row]) + part for part in edit.parts])
        else:
            for row in edit.rows:
                labels[row] = edit.new
    if not mine:
        return split
    for group in joins:
        said = (texts.get(part, known.texts[part]) for part in group)
        texts[group[-1]] = SEPARATOR.join(filter(None, said))
    changed = _replaced(dataclasses.replace(split, labels=labels), texts)
    gone = {part for group in joins for part in group[:-1]}
    return _with_parts(changed, parts(changed).without(gone)) if gone else changed


def _assemble(
    name: str,
    splits: Mapping[str, Split],
    dropped: Mapping[str, set[int]],
    edits: Sequence[Edit],
) -> Split:
    """The rows of a split that stay, then the copies, then the rows that come from others."""
    split = splits[name]
    gone = set(dropped.get(name, ()))
    copies: list[tuple[int, str | None]] = []
    coming: list[Split] = []
    for edit in edits:
        if isinstance(edit, MoveRows) and edit.split == name:
            gone.update(edit.rows)
        elif isinstance(edit, MoveRows) and edit.to == name and edit.split in splits:
            lost = dropped.get(edit.split, set())
            rows = [row for row in edit.rows if row not in lost]
            coming.append(splits[edit.split].take(rows))
        elif isinstance(edit, AddRows) and edit.split == name:
            each = zip(edit.of, edit.texts or [None] * len(edit.of), strict=True)
            copies += [(row, text) for row, text in each if row not in dropped.get(name, ())]
    if not (gone or copies or coming):
        return split
    kept = [row for row in range(len(split)) if row not in gone]
    whole = split.take([*kept, *(row for row, _ in copies)])
    start = parts(whole).start
    new = enumerate((text for _, text in copies), start=len(kept))
    own = _replaced(whole, {int(start[row]): text for row, text in new if text is not None})
    return join([own, *coming]) if coming else own


def _replaced(split: Split, new: Mapping[int, str]) -> Split:
    """The split with the texts of some parts, by their number, replaced."""
    if not new:
        return split
    return _with_parts(split, parts(split).replaced(new))


def _with_parts(split: Split, changed: Parts) -> Split:
    return dataclasses.replace(
        split, texts=changed.whole_rows, parts=None if split.parts is None else changed
    )
