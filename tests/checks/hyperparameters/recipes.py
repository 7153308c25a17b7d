"""Recipes as a reader would give them, for the tests of checks that look at what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunewell.subjects.recipe import Place, Recipe, Written


def call(owner: str, *, task: str = "sft", **arguments: Any) -> Recipe:  # noqa: ANN401
    """What a reader makes of one call in a script, as far as these tests need it."""
    file = Path("train.py")
    return Recipe(
        task=task,
        optim=arguments.get("optim", "adamw_torch"),
        format="script",
        file=file,
        written=tuple(
            Written(owner, key, value, Place(file, number, f"{owner}.{key}"))
            for number, (key, value) in enumerate(arguments.items(), start=10)
        ),
    )
