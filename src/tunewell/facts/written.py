"""Keys of a configuration that the recipe has no setting of its own for."""

from __future__ import annotations

from typing import Any

from tunewell.subjects.recipe import Recipe, Written


def written(recipe: Recipe, *keys: str) -> Written | None:
    """The first key as the user wrote it, by the last part of its dotted name."""
    return next((entry for entry in recipe.written if entry.key.rpartition(".")[2] in keys), None)


def value_of(recipe: Recipe, *keys: str) -> Any:  # noqa: ANN401  settings have every type
    """The value of such a key; one inside a table that was written as a whole counts too."""
    entry = written(recipe, *keys)
    if entry is not None:
        return entry.value
    tables = (entry.value for entry in recipe.written if isinstance(entry.value, dict))
    return next((table[key] for table in tables for key in keys if key in table), None)
