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
    """One text of a record, and the keys and indices that lead to it; () where it is derived."""

    role: Role
    text: str
    path: tuple[str | int, ...] = ()


@dataclass(slots=True)
class Reading:
    """The parts of one record. `problem` says why it is no row; then the rest means nothing."""

    parts: list[Part] = field(default_factory=list)
    irregular: list[tuple[Irregular, str]] = field(default_factory=list)
    problem: str | None = None


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
