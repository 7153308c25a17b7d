"""What one record of a file turns out to hold: parts, and what is odd about its shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from tunewell.subjects.parts import Role


class Irregular(StrEnum):
    """What can be odd about the shape of a row that could be read all the same."""

    ROLE = "role that no chat template knows"
    CONTENT = "message without text"
    KEY = "message key that chat templates do not read"
    TOOL_CALL = "tool call in the wrong shape"
    COUNT = "not as many tags as tokens"
    PROMPT_DIFFERS = "chosen and rejected answer different prompts"
    LABEL = "label of the wrong type"


@dataclass(frozen=True, slots=True)
class Irregularity:
    """Something odd about the shape of a row; `detail` says what was there."""

    row: int
    what: Irregular
    detail: str


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a record, and the keys and indices that lead to it; () where it is derived.

    `opens` is False where the part goes on with the message of the part before it.
    """

    role: Role
    text: str
    path: tuple[str | int, ...] = ()
    opens: bool = True


@dataclass(slots=True)
class Reading:
    """The parts of one record. `problem` says why it is no row; then the rest means nothing.

    `words` are the roles of its messages as they are written. `media` counts the pieces of its
    messages that are no text, such as images.
    """

    parts: list[Part] = field(default_factory=list)
    irregular: list[tuple[Irregular, str]] = field(default_factory=list)
    problem: str | None = None
    words: list[str] = field(default_factory=list)
    media: int = 0


def named(value: object) -> str:
    """What kind of JSON value it is, for a sentence."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
