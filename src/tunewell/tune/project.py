"""What a tuning session starts from: data in three parts, a recipe and the model's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tunewell.core.finding import AddRows, DropRows, Edit, SetKey, SetLabel, SetText
from tunewell.fixes.edits import edit_dataset, edit_recipe
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Project:
    """One state of a fine-tune. `dataset` has all three splits; `model` is a folder."""

    dataset: Dataset
    recipe: Recipe
    model: Path
    notes: tuple[str, ...] = ()

    def edited(self, edits: Iterable[Edit]) -> Project:
        """The project after the edits; this one stays as it is."""
        wanted = tuple(edits)
        return dataclasses.replace(
            self,
            dataset=edit_dataset(self.dataset, wanted),
            recipe=edit_recipe(self.recipe, wanted),
        )


def recipe_edits(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits that change a setting."""
    return tuple(edit for edit in edits if isinstance(edit, SetKey))


def row_edits(edits: Iterable[Edit], *, train: bool) -> tuple[Edit, ...]:
    """The edits that change rows: of the training split, or of the splits that judge."""
    return tuple(
        edit
        for edit in edits
        if isinstance(edit, AddRows | DropRows | SetText | SetLabel)
        and (edit.split == "train") is train
    )
