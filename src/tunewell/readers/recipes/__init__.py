"""Recipes from the files that people write them in: one module a format, one recipe from all.

`own` reads Tunewell's settings, `files` the JSON and YAML of others, `script` a Python script.
"""

from tunewell.readers.recipes.files import look_at, read_config
from tunewell.readers.recipes.kinds import SETTINGS_SUFFIXES, STARTERS, Kind
from tunewell.readers.recipes.own import read_recipe, write_recipe
from tunewell.readers.recipes.script import read_script_recipe

__all__ = [
    "SETTINGS_SUFFIXES",
    "STARTERS",
    "Kind",
    "look_at",
    "read_config",
    "read_recipe",
    "read_script_recipe",
    "write_recipe",
]
