"""Answers that a model in training wrote and that its trainer kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Written:
    """Answers written at one optimizer step: `texts`, and the question of each in `prompts`."""

    step: int
    prompts: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Completions:
    """Answers over a run, by rising step; of a long run a sample of its steps.

    `steps_kept` counts the steps that the folder `path` holds, `unreadable` the files that could
    not be read, such as the last one of a killed run.
    """

    path: Path
    batches: tuple[Written, ...]
    steps_kept: int = 0
    unreadable: int = 0
