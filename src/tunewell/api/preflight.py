"""`check` on a live trainer: everything that can be known before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tunewell.api.check import examined_document
from tunewell.api.gather import Gathered
from tunewell.core.document import Document, Examined

if TYPE_CHECKING:
    from tunewell.engine.settings import Settings


def check_trainer(trainer: Any, settings: Settings) -> Document:  # noqa: ANN401
    """Rehearse the trainer and run every check on what was seen. The trainer stays as it is."""
    from tunewell.preflight.rehearse import rehearse

    rehearsal = rehearse(trainer)
    gathered = Gathered(
        subjects=rehearsal.subjects,
        missing=rehearsal.missing,
        title=type(trainer).__name__,
        examined=[
            Examined(
                what="trainer",
                path=type(trainer).__name__,
                reason=f"{type(trainer.model).__name__} with {type(trainer.args).__name__}",
            )
        ],
    )
    document = examined_document("check", gathered, settings)
    return msgspec.structs.replace(
        document, facts={**document.facts, "rehearsal_seconds": rehearsal.seconds}
    )
