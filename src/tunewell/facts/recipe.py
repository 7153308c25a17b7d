"""What follows from a recipe: the place of a setting, its change, and the number of steps."""

from __future__ import annotations

import math
from typing import Any

from tunewell.core.finding import Key, SetKey, SettingValue
from tunewell.subjects.recipe import Place, Recipe


def setting(recipe: Recipe, path: str) -> Any:  # noqa: ANN401  settings have every type
    """The value of a setting by its dotted path; None where its group is not there."""
    value: Any = recipe
    for name in path.split("."):
        if value is None:
            return None
        value = getattr(value, name)
    return value


def place(recipe: Recipe, path: str) -> Key:
    """Where a setting stands in the recipe's file."""
    at = recipe.places.get(path, Place(recipe.file))
    return Key(path=at.key or path, file=str(at.file) if at.file else None, line=at.line)


def change(recipe: Recipe, path: str, new: SettingValue) -> SetKey:
    """The edit that gives a setting a new value."""
    at = recipe.places.get(path, Place(recipe.file))
    return SetKey(
        path=path,
        old=setting(recipe, path) if path in recipe.given else None,
        new=new,
        file=str(at.file) if at.file else None,
        line=at.line,
        key=at.key,
    )


def steps_per_epoch(recipe: Recipe, rows: int) -> int:
    """Optimizer steps of one pass over so many rows, as the Trainer counts them.

    The last incomplete batch counts, and so does the last incomplete group of batches. On several
    processes each takes its share of the rows; where their number is not known it is one.
    """
    share = math.ceil(rows / (recipe.hardware.world_size or 1))
    batches = math.ceil(share / recipe.per_device_train_batch_size)
    return max(1, math.ceil(batches / recipe.gradient_accumulation_steps))


def optimizer_steps(recipe: Recipe, rows: int) -> int:
    """Optimizer steps of the whole run over so many training rows."""
    if recipe.max_steps > 0:
        return recipe.max_steps
    return math.ceil(recipe.num_train_epochs * steps_per_epoch(recipe, rows))


def warmup_steps(recipe: Recipe, steps: int) -> int:
    """Steps of warm-up of a run of so many steps; a number of steps goes before a share."""
    if recipe.warmup_steps:
        return recipe.warmup_steps
    return math.ceil(recipe.warmup_ratio * steps)
