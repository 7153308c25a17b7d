"""Conversations as message lists again, put together from the parts of a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Role

WORDS: Mapping[Role, str] = {
    Role.SYSTEM: "system",
    Role.PROMPT: "user",
    Role.INPUT: "user",
    Role.ANSWER: "assistant",
    Role.CHOSEN: "assistant",
    Role.TOOL_CALL: "assistant",
    Role.TOOL: "tool",
    Role.OTHER: "unknown",
}
"""How chat templates name a role, whatever the file calls it."""

GOES_ON = 32
"""Added to the role of a part that goes on with the message before it."""

SPOKEN = frozenset({Role.PROMPT, Role.ANSWER, Role.TOOL_CALL, Role.OTHER})


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row as a template takes it. `first` holds the row's part where each message begins."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[Any] | None = None
    first: list[int] = field(default_factory=list)


@fact
def has_messages(split: Split) -> bool:
    """Whether the rows hold conversations that a chat template makes one text of."""
    return bool(split.role_words) or "messages" in split.source.layout.columns


@fact
def shapes(split: Split) -> Mapping[bytes, Sequence[int]]:
    """The rows by the order of their roles, as one byte a part, the most frequent order first.

    The rejected side of a preference pair is left out: it has the order of the chosen one.
    """
    known = parts(split)
    codes = known.role.astype(np.uint8)
    if known.opens is not None:
        codes = codes + np.where(known.opens, 0, GOES_ON).astype(np.uint8)
    start = known.start.tolist()
    whole = codes.tobytes()
    rejected = bytes([int(Role.REJECTED)])
    found: dict[bytes, list[int]] = {}
    for row in range(known.rows):
        shape = whole[start[row] : start[row + 1]]
        found.setdefault(shape.replace(rejected, b""), []).append(row)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def conversation(split: Split, row: int) -> Conversation:
    """The messages of one row.

    What a reader does not keep, the names and ids of tool results, is filled in from the calls
    before them, in order. A call without a text has an empty one: some templates stop at null.
    """
    known = parts(split)
    low, high = int(known.start[row]), int(known.start[row + 1])
    opens = None if known.opens is None else known.opens[low:high].tolist()
    made = Conversation()
    tools: list[Any] | None = None
    pending: list[dict[str, Any]] = []
    spoken = False
    for at, (role, text) in enumerate(known.of_row(row)):
        if role is Role.REJECTED:
            continue
        if role is Role.TOOL and not spoken:
            tools = _tools(text)
            continue
        spoken = spoken or role in SPOKEN
        going_on = bool(made.messages) and opens is not None and not opens[at]
        if not going_on:
            made.messages.append({"role": WORDS.get(role, "user")})
            made.first.append(at)
        message = made.messages[-1]
        if role is Role.TOOL_CALL:
            call = _json(text)
            message.setdefault("content", "")
            if isinstance(call, dict):
                message.setdefault("tool_calls", []).append(call)
                pending.append(call)
                continue
        if role is Role.TOOL and not going_on and pending:
            message.update(_answered(pending.pop(0)))
        before = message.get("content")
        message["content"] = text if before is None else before + text
    return Conversation(made.messages, tools, made.first)


def _answered(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    name = function.get("name") if isinstance(function, dict) else call.get("name")
    found = {"name": name, "tool_call_id": call.get("id")}
    return {key: value for key, value in found.items() if value is not None}


def _tools(text: str) -> list[Any] | None:
    listed = _json(text)
    return listed if isinstance(listed, list) else None


def _json(text: str) -> Any:  # noqa: ANN401  whatever the text holds
    try:
        return json.loads(text)
    except ValueError:
        return None
