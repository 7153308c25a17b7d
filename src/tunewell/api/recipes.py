"""Find the recipe of a call among what was passed, and the data that it names."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tunewell.core.document import Examined
from tunewell.core.errors import InputError, SettingsError, UserError
from tunewell.engine.settings import Settings
from tunewell.readers.recipes import (
    SETTINGS_SUFFIXES,
    STARTERS,
    look_at,
    read_config,
    read_recipe,
    read_script_recipe,
)
from tunewell.readers.recipes.local_data import local_data
from tunewell.readers.recognise import Found
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.recipe import Recipe

HEADS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
}
TASKS = {
    Kind.CLASSIFICATION: "text-classification",
    Kind.MULTI_LABEL: "text-classification",
    Kind.TAGGING: "token-classification",
}
MOST_SCRIPTS = 20
"""Scripts of a folder in which a recipe is looked for."""


@dataclass(slots=True)
class FoundRecipe:
    """The recipe, if there is one, what was examined for it, and why there is none."""

    recipe: Recipe | None = None
    examined: list[Examined] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def find_recipe(
    roles: Iterable[Found], passed: Collection[Path], settings: Settings
) -> FoundRecipe:
    """The recipe: of the settings, or of a configuration, or of a script, in this order.

    A file that was passed by name goes before one that was found in a folder. Files of accelerate,
    DeepSpeed and FSDP say more of the same run and are read with the main one.

    Raises:
        InputError: if a configuration that was passed by name cannot be read.
        SettingsError: if a value in it cannot be.
    """
    if settings.recipe:
        recipe = read_recipe(settings.recipe, settings.file)
        return _found(recipe, settings.file or Path(), "its [recipe] table")
    known = list(roles)
    named = {f.path for f in known if f.named} | set(passed)
    configs = [f for f in known if f.role == "config" and f.path.suffix in SETTINGS_SUFFIXES]
    configs.sort(key=lambda f: f.path not in named)  # stable: those passed by name first
    starters = [f for f in configs if _starts(f.path)]
    mains = [f for f in configs if f not in starters]
    scripts = [f for f in known if f.role == "script"]
    companions = _of_different_kinds(starters)
    if mains:
        return _of_config(mains, companions, strict=mains[0].path in named)
    scripts.sort(key=lambda f: f.path not in named)
    silent = FoundRecipe()
    for script in scripts[:MOST_SCRIPTS]:
        found = _of_script(script, companions, strict=script.path in named)
        if found.recipe is not None:
            return found
        silent.missing = silent.missing or found.missing
    if starters:
        return _of_config(starters[:1], companions[1:], strict=starters[0].path in named)
    return silent


def data_of(recipe: Recipe, roles: Collection[Found]) -> list[Found]:
    """The files of this machine that the recipe names, where no training data was passed."""
    if any(found.role == "train" for found in roles) or recipe.file is None:
        return []
    train, evaluation = local_data(recipe)
    reason = f"named in {recipe.file.name}"
    data = [Found(path, "train", reason, named=True) for path in train]
    if train and not any(found.role == "eval" for found in roles):
        data += [Found(path, "eval", reason, named=True) for path in evaluation]
    return data


def with_task(recipe: Recipe, dataset: Dataset | None, checkpoint: Checkpoint | None) -> Recipe:
    """The recipe with its task, where the head of the model or the rows tell what it does not."""
    if recipe.task != "unknown":
        return recipe
    heads = checkpoint.config.get("architectures") or () if checkpoint is not None else ()
    by_head = (task for head in heads for part, task in HEADS.items() if part in str(head))
    by_rows = TASKS.get(dataset.train.kind) if dataset is not None else None
    task = next(by_head, by_rows)
    return recipe if task is None else dataclasses.replace(recipe, task=task)


def _of_config(mains: list[Found], companions: list[Path], *, strict: bool) -> FoundRecipe:
    file = mains[0].path
    try:
        recipe = read_config(file, companions)
    except UserError as error:
        if strict:
            raise
        return FoundRecipe(missing={"Recipe": str(error)})
    reason = mains[0].reason
    if len(mains) > 1:
        reason += f"; the first of {len(mains)} configurations: name one with --config FILE"
    return _found(recipe, file, reason, companions)


def _of_script(script: Found, companions: list[Path], *, strict: bool) -> FoundRecipe:
    """A script may set nothing up, or take it from elsewhere: that is no fault of the call."""
    try:
        recipe = read_script_recipe(script.path, companions)
    except InputError as error:
        return FoundRecipe(missing={"Recipe": str(error)})
    except SettingsError as error:
        if strict:
            raise
        return FoundRecipe(missing={"Recipe": str(error)})
    return _found(recipe, script.path, "the settings that the script writes out", companions)


def _found(recipe: Recipe, file: Path, reason: str, companions: Iterable[Path] = ()) -> FoundRecipe:
    beside = [path.name for path in companions]
    if beside:
        reason += f"; with {', '.join(beside)}"
    return FoundRecipe(recipe, [Examined(what="recipe", path=str(file), reason=reason)])


def _starts(path: Path) -> bool:
    try:
        kind = look_at(path)
    except InputError:
        return False
    return kind is not None and kind.format in STARTERS


def _of_different_kinds(starters: Iterable[Found]) -> list[Path]:
    """The first file of each kind: of several of a kind nobody said which the run takes."""
    first: dict[str, Path] = {}
    for found in starters:
        kind = look_at(found.path)
        if kind is not None:
            first.setdefault(kind.format, found.path)
    return list(first.values())
