"""`check` on a live trainer: everything that can be known before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunewell.api.check import REHEARSED, examined_document
from tunewell.api.gathered import Gathered
from tunewell.api.rehearsed import show_rows, with_seconds
from tunewell.core.document import Document, Examined
from tunewell.engine.settings import Settings
from tunewell.readers.machine import read_machine
from tunewell.readers.versions import read_versions


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
    gathered = Gathered(
        subjects=[*rehearsal.subjects, read_machine(), read_versions(Path())],
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
