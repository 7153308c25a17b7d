"""`check` on a live trainer: everything that can be known before the first step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunewell.api.check import REHEARSED, examined_document
from tunewell.api.gathered import Gathered
from tunewell.api.planning.undecided import decided
from tunewell.api.rehearsed import show_rows, with_seconds
from tunewell.core.document import Document, Examined
from tunewell.engine.settings import Settings
from tunewell.plan.needed import Needed
from tunewell.readers.machine import read_machine
from tunewell.readers.versions import read_versions
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe


def check_trainer(
    trainer: Any,  # noqa: ANN401  transformers has no types
    settings: Settings,
    *,
    show_mask: int = 0,
    resume: str | bool | None = None,
) -> Document:
    """Rehearse the trainer and run every check on what was seen. The trainer stays as it is.

    Args:
        trainer: a Hugging Face trainer, or one of TRL or sentence-transformers.
        settings: selection and thresholds.
        show_mask: rows to show as tokens, trained and not.
        resume: what its `train` will be given for `resume_from_checkpoint`.
    """
    from tunewell.preflight.rehearse import rehearse

    rehearsal = rehearse(trainer, resume=resume)
    machine = read_machine()
    began = time.perf_counter()
    planned = _planned(rehearsal.subjects, machine, trainer)
    if planned is not None:
        rehearsal.seconds[type(planned).__name__] = time.perf_counter() - began
    gathered = Gathered(
        subjects=[
            *rehearsal.subjects,
            machine,
            read_versions(Path()),
            *([planned] if planned is not None else []),
        ],
        missing=rehearsal.missing,
        inapplicable=rehearsal.inapplicable,
        title=type(trainer).__name__,
        examined=[
            Examined(
                what="trainer",
                path=type(trainer).__name__,
                reason=f"{type(trainer.model).__name__} with {type(trainer.args).__name__}",
            )
        ],
    )
    show_rows(gathered, rehearsal, show_mask)
    document = examined_document("check", gathered, settings, families=REHEARSED)
    return with_seconds(document, rehearsal.seconds)


def _planned(subjects: Sequence[object], machine: Machine, trainer: Any) -> Needed | None:  # noqa: ANN401  transformers has no types
    """What the trainer's step needs of this machine's GPU, where it had to be simulated."""
    recipe = next((s for s in subjects if isinstance(s, Recipe)), None)
    checkpoint = next((s for s in subjects if isinstance(s, Checkpoint)), None)
    return decided(recipe, checkpoint, machine, trainer) if recipe is not None else None
