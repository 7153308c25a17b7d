"""The data files of this machine that a recipe names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.arrow import is_saved
from tunewell.readers.data.open import SUFFIXES, data_suffix
from tunewell.readers.locations import locate
from tunewell.subjects.recipe import Recipe

PATTERN = frozenset("*?[")


def local_data(recipe: Recipe) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Training and evaluation files that the recipe names and that are here.

    A relative path is looked for in the working folder, where trainers look, and then beside the
    recipe. Names on a hub, addresses in a store and paths of other machines are passed over.
    """
    preparation = recipe.preparation
    folder = recipe.file.parent if recipe.file is not None else Path()
    return _here(preparation.datasets, folder), _here(preparation.eval_datasets, folder)


def _here(names: Iterable[str], folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for name in names:
        for start in (Path(), folder):
            paths = _files(name, start)
            if paths:
                found += [path for path in paths if path not in found]
                break
    return tuple(found)


def _files(name: str, start: Path) -> list[Path]:
    if "://" in name or not name or "\0" in name:
        return []
    path = start / name
    try:
        if PATTERN & set(name):
            return [p for p in locate(name, start) if data_suffix(p) in SUFFIXES]
        if path.is_file() and data_suffix(path) in SUFFIXES:
            return [path]
        if path.is_dir():
            return [path] if is_saved(path) else _lone(path)
    except (OSError, ValueError, InputError):
        return []
    return []


def _lone(folder: Path) -> list[Path]:
    """The data file of a folder that holds one; of several, which is for what is not told."""
    files = [path for path in folder.iterdir() if path.is_file() and data_suffix(path) in SUFFIXES]
    return files if len(files) == 1 else []
