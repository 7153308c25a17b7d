"""What the user wrote, key by key, where a check needs more than the settings made of it."""

from __future__ import annotations

from typing import Any

from tunewell.core.finding import Key
from tunewell.subjects.recipe import Recipe, Written


def where(each: Written) -> Key:
    """The place of a key in its file."""
    file = each.place.file
    return Key(
        path=each.place.key or f"{each.owner}.{each.key}",
        file=str(file) if file else None,
        line=each.place.line,
    )


def literal(recipe: Recipe, key: str) -> Any:  # noqa: ANN401  settings have every type
    """The last value written for a key, whoever reads it; None where there is none."""
    found = [each.value for each in recipe.written if each.key == key and each.literal]
    return found[-1] if found else None


def mentions(recipe: Recipe, key: str) -> bool:
    """Whether a key is written at all, as a literal or not."""
    return any(each.key == key for each in recipe.written)


def written(recipe: Recipe, *keys: str) -> Written | None:
    """The first key of these names, by the last part of its dotted name, as the user wrote it."""
    return next((each for each in recipe.written if each.key.rpartition(".")[2] in keys), None)


def value_of(recipe: Recipe, *keys: str) -> Any:  # noqa: ANN401  settings have every type
    """The value of such a key, however deep it stands; None where there is none.

    One inside a table that was written as a whole counts too.
    """
    entry = written(recipe, *keys)
    if entry is not None:
        return entry.value
    tables = (each.value for each in recipe.written if isinstance(each.value, dict))
    return next((table[key] for table in tables for key in keys if key in table), None)
