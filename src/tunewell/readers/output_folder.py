"""The output folder of a run: which checkpoints it holds, and which files are in each."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tunewell.subjects.output_folder import OutputFolder, SavedStep

STATE = "trainer_state.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def read_output_folder(
    folder: Path, *, model: Path | None = None, resumed: Path | None = None
) -> OutputFolder:
    """What an output folder holds; one that is not there holds nothing.

    No weight and no pickle is opened: the names of the files are read, and trainer_state.json.

    Args:
        folder: the run's output folder.
        model: the folder that the recipe's model comes from, where it is a folder.
        resumed: the checkpoint that the recipe names to be taken up, where it names one.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        inside = []
    steps = [saved for path in inside if (saved := read_saved_step(path)) is not None]
    return OutputFolder(
        path=folder,
        checkpoints=tuple(sorted(steps, key=lambda saved: saved.step)),
        starting_model=None if model is None else read_saved_step(model),
        resumed=None if resumed is None else read_saved_step(resumed),
    )


def read_saved_step(folder: Path) -> SavedStep | None:
    """One checkpoint folder; None where a Trainer did not write it or it cannot be read."""
    numbered = CHECKPOINT.fullmatch(folder.name)
    if not folder.is_dir() or not (numbered or (folder / STATE).is_file()):
        return None
    try:
        names = frozenset(entry.name for entry in folder.iterdir())
        modified_at = folder.stat().st_mtime
    except OSError:
        return None
    state = _state(folder / STATE)
    step = state.get("global_step")
    if not isinstance(step, int):
        step = int(numbered[1]) if numbered else 0
    planned = state.get("max_steps")
    return SavedStep(
        path=folder,
        step=step,
        of_steps=planned if isinstance(planned, int) and planned > 0 else None,
        names=names,
        modified_at=modified_at,
    )


def _state(path: Path) -> dict[str, object]:
    # Python's own parser, for a Trainer writes NaN into it.
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
