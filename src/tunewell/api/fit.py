"""The changed recipe and the files that start it, as text and written beside the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tunewell.api.fix_settings import EditedFile, SettingEdit, edited
from tunewell.core.finding import SetKey
from tunewell.fixes.undo import write_recorded
from tunewell.plan.launch import LaunchFile
from tunewell.subjects.recipe import Recipe


def changed_recipe(recipe: Recipe, edits: Iterable[SetKey]) -> tuple[EditedFile, ...]:
    """Each file of a recipe that edits change, with its diff. Nothing is written.

    Args:
        recipe: as it was read; edits that name no file are of its own.
        edits: what to set; of two of one key the later counts.

    Raises:
        UserError: if a file cannot be read.
    """
    by_file: dict[Path, dict[str, SettingEdit]] = {}
    for edit in edits:
        file = Path(edit.file) if edit.file is not None else recipe.file
        if file is not None:
            by_file.setdefault(file, {})[edit.key or edit.path] = edit
    return tuple(edited(file, tuple(mine.values())) for file, mine in by_file.items())


def write_fit(
    changed: Sequence[EditedFile], launch: Sequence[LaunchFile], folder: Path
) -> tuple[str, ...]:
    """Write changed copies beside their originals and launch files into a folder.

    Everything is recorded, so that `tunewell undo` takes it away again. No file that is there and
    was not written by Tunewell is touched.

    Args:
        changed: files of the recipe, from `changed_recipe`.
        launch: files that start it.
        folder: where these go: that of the recipe, since they are started from there.

    Returns:
        A line for each file, and for each change that a person must make.

    Raises:
        UserError: if a file cannot be written, or one of that name is there that is not ours.
    """
    lines: list[str] = []
    contents: dict[Path, dict[Path, bytes]] = {}
    for each in changed:
        lines += each.refused
        if each.new != each.old:
            contents.setdefault(each.file.parent, {}).update(each.contents)
            lines.append(each.told)
    for file in launch:
        contents.setdefault(folder, {})[folder / file.name] = file.text.encode()
        lines.append(f"{folder / file.name}: {file.purpose}")
    for parent, mine in contents.items():
        write_recorded(parent, mine)
    return tuple(lines)
