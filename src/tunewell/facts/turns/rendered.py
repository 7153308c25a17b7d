"""A sample of conversations as the model's chat template writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunewell.core.check import NotApplicableError
from tunewell.facts.memo import fact
from tunewell.facts.turns.conversations import Conversation, conversation, has_messages
from tunewell.facts.turns.templates import RefusedError, Template, in_pieces, template_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split

LOOKED_AT = 2_000
"""Rows rendered at most, evenly spaced: a template takes about 0.1 ms a row."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row (0-based) with its conversation and the text that the template makes of it.

    `messages` are in the form in which the template takes them: with contents as texts, or as lists
    of pieces, as templates of vision models do.
    """

    row: int
    conversation: Conversation
    messages: Sequence[Mapping[str, Any]]
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
        for messages in (known.messages, [in_pieces(message) for message in known.messages]):
            with contextlib.suppress(RefusedError):
                text = template.render(messages, known.tools)
                if _holds(text, known.messages):
                    found.append(Rendered(row, known, messages, text))
                    break
    return tuple(found)


def _holds(text: str, messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what is asked first is in the text: some templates pass over contents in silence."""
    asked = next((m.get("content") for m in messages if m["role"] == "user"), None)
    return not isinstance(asked, str) or asked.strip() in text
