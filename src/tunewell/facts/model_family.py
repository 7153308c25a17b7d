"""Family and size of the model that a recipe trains, from its files or else from its name."""

from __future__ import annotations

import re

from tunewell.knowledge import families
from tunewell.knowledge.families import Family
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:[._]\d+)?)([bm])(?![a-z0-9])")
MIXTURE = re.compile(r"moe|\d+x\d|[-_]a\d+(?:\.\d+)?b|next|mixtral|scout|maverick")
"""Words in the name of a checkpoint whose feed-forward layers are experts."""

UNITS = {"b": 1e9, "m": 1e6}


def family_of(recipe: Recipe, checkpoint: Checkpoint | None) -> Family | None:
    """The family: by `model_type` where the model is at hand, otherwise by its name."""
    if checkpoint is not None:
        return families.of_type(checkpoint.model_type)
    return families.of_name(recipe.model) if recipe.model else None


def parameters_of(recipe: Recipe, checkpoint: Checkpoint | None) -> int | None:
    """The number of parameters: counted in the files, or as the name says ("8B", "8x7B", "135M").

    None where neither says it.
    """
    if checkpoint is not None and checkpoint.parameters:
        return checkpoint.parameters
    return named_size(recipe.model) if recipe.model else None


def named_size(name: str) -> int | None:
    """The size in the name of a checkpoint; of "30B-A3B" the whole, not the part that is active."""
    found = SIZE.search(name.rpartition("/")[2].casefold())
    if found is None:
        return None
    experts = int(found[1]) if found[1] else 1
    return round(experts * float(found[2].replace("_", ".")) * UNITS[found[3]])


def has_experts(recipe: Recipe, checkpoint: Checkpoint | None) -> bool:
    """Whether the feed-forward part is made of experts, which no target module reaches by name."""
    config = checkpoint.config if checkpoint is not None else {}
    told = any("expert" in key for key in config)
    return told or MIXTURE.search((recipe.model or "").rpartition("/")[2].casefold()) is not None


def hidden_size(checkpoint: Checkpoint | None) -> int | None:
    """Width of the hidden states, None where the configuration does not say it."""
    width = checkpoint.config.get("hidden_size") if checkpoint is not None else None
    return width if isinstance(width, int) and width > 0 else None
