"""What follows from a recipe and the checkpoints that lie in its output folder."""

from __future__ import annotations

from pathlib import Path

from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe


def resumes(recipe: Recipe) -> bool:
    """Whether the run takes up an earlier one. An empty text or "false" is no."""
    said = recipe.saving.resume_from_checkpoint
    if isinstance(said, str):
        return said.strip().casefold() not in {"", "false", "none"}
    return said is True


def resumed_step(recipe: Recipe, folder: OutputFolder) -> SavedStep | None:
    """The checkpoint that the run takes up: the one that is named, or the last by its number.

    None where it does not resume, or where the checkpoint is not among those that were looked at.
    """
    said = recipe.saving.resume_from_checkpoint
    if not resumes(recipe):
        return None
    if said is True or str(said).casefold() in {"true", "last", "auto"}:
        return folder.checkpoints[-1] if folder.checkpoints else None
    if folder.resumed is not None:
        return folder.resumed
    return next((s for s in folder.checkpoints if same(s.path, Path(str(said)))), None)


def same(one: Path, other: Path) -> bool:
    """Whether two paths name one folder, seen from the working folder."""
    return one.absolute() == other.absolute() or one.resolve() == other.resolve()
