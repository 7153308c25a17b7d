"""A sample of conversations as the model's chat template writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import NotApplicableError
from tunewell.facts.memo import fact
from tunewell.facts.turns.conversations import Conversation, conversation, has_messages
from tunewell.facts.turns.templates import RefusedError, Template, template_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split

LOOKED_AT = 2_000
"""Rows rendered at most, evenly spaced: a template takes about 0.1 ms a row."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row (0-based) with its conversation and the text that the template makes of it."""

    row: int
    conversation: Conversation
    text: str


def require_template(dataset: Dataset, checkpoint: Checkpoint) -> Template:
    """The model's chat template.

    Raises:
        NotApplicableError: if the model has none, or the rows are no conversations.
    """
    template = template_of(checkpoint)
    if template is None:
        reason = "the model has no chat template"
        raise NotApplicableError(reason)
    if not any(map(has_messages, dataset.splits)):
        reason = "the rows are no conversations, so no chat template is used"
        raise NotApplicableError(reason)
    return template


@fact
def rendered(split: Split, checkpoint: Checkpoint) -> Sequence[Rendered]:
    """The rows of a sample that the template takes; what it refuses is another fault."""
    template = template_of(checkpoint)
    if template is None or not has_messages(split) or not len(split):
        return ()
    found = []
    for row in np.unique(np.linspace(0, len(split) - 1, LOOKED_AT).astype(int)).tolist():
        known = conversation(split, row)
        try:
            found.append(Rendered(row, known, template.render(known.messages, known.tools)))
        except RefusedError:
            continue
    return tuple(found)
