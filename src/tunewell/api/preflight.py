"""`check` on a live trainer: everything that can be known before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tunewell.api.check import examined_document
from tunewell.api.gather import Gathered
from tunewell.api.sections import token_mask
from tunewell.core.document import Document, Examined
from tunewell.engine.settings import Settings
from tunewell.subjects.batch import Batch

if TYPE_CHECKING:
    from tunewell.preflight.rehearse import Rehearsal


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
    batch = next((s for s in rehearsal.subjects if isinstance(s, Batch)), None)
    if show_mask and batch is not None:
        gathered.sections.append(token_mask(batch, show_mask))
    return _with_seconds(examined_document("check", gathered, settings), rehearsal)


def _with_seconds(document: Document, rehearsal: Rehearsal) -> Document:
    seconds = {name: round(value, 3) for name, value in rehearsal.seconds.items()}
    return msgspec.structs.replace(document, facts={**document.facts, "rehearsal_seconds": seconds})
