"""What follows from a recipe: the place of a setting, its change, and the number of steps."""

from __future__ import annotations

import math

from tunewell.core.finding import Key, SetKey
from tunewell.subjects.recipe import Recipe


def place(recipe: Recipe, setting: str) -> Key:
    """Where a setting stands in the recipe's file."""
    return Key(
        path=setting,
        file=str(recipe.file) if recipe.file else None,
        line=recipe.lines.get(setting),
    )


def change(recipe: Recipe, setting: str, new: str | float | bool | None) -> SetKey:
    """The edit that gives a setting a new value."""
    return SetKey(
        path=setting,
        old=getattr(recipe, setting) if setting in recipe.given else None,
        new=new,
        file=str(recipe.file) if recipe.file else None,
        line=recipe.lines.get(setting),
    )


def steps_per_epoch(recipe: Recipe, rows: int) -> int:
    """Optimizer steps of one pass over so many rows on one device, as the Trainer counts them.

    The last incomplete batch counts, and so does the last incomplete group of batches.
    """
    batches = math.ceil(rows / recipe.per_device_train_batch_size)
    return max(1, math.ceil(batches / recipe.gradient_accumulation_steps))


def optimizer_steps(recipe: Recipe, rows: int) -> int:
    """Optimizer steps of the whole run over so many training rows."""
    if recipe.max_steps > 0:
        return recipe.max_steps
    return math.ceil(recipe.num_train_epochs * steps_per_epoch(recipe, rows))
