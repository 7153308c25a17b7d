"""How long a run is, and at which of its steps it is evaluated and saved."""

from __future__ import annotations

import math

from tunewell.facts.recipe import optimizer_steps
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


def planned_steps(recipe: Recipe, dataset: Dataset | None) -> int | None:
    """Optimizer steps of the whole run; None where they do not follow from what is known.

    Packing makes fewer rows of the data set's, by how much the tokenizer says: they are not known
    then, unless the recipe gives its length in steps.
    """
    if recipe.max_steps > 0:
        return recipe.max_steps
    packed = recipe.preparation.packing or recipe.preparation.padding_free
    if dataset is None or packed:
        return None
    return optimizer_steps(recipe, len(dataset.train)) if len(dataset.train) else None


def in_steps(every: float, total: int) -> int:
    """A distance between two evaluations or saves in steps; below 1 it is a share of the run."""
    return max(1, math.ceil(every * total) if every < 1 else int(every))


def times(every: int, total: int) -> int:
    """How often something that is done every so many steps, and at the end, is done in a run."""
    return math.ceil(total / every)
