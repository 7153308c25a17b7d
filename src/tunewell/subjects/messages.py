"""The turns of a conversation, from message lists and from dialogues written as one text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Irregular, Part, Reading, as_text, named

ROLE_WORDS: Mapping[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.PROMPT,
    "human": Role.PROMPT,
    "assistant": Role.ANSWER,
    "gpt": Role.ANSWER,
    "model": Role.ANSWER,
    "tool": Role.TOOL,
    "function": Role.TOOL,
    "observation": Role.TOOL,
    "ipython": Role.TOOL,
    "tool_response": Role.TOOL,
    "function_call": Role.TOOL_CALL,
    "tool_call": Role.TOOL_CALL,
}
"""Roles of messages as OpenAI, ShareGPT, Gemma and LLaMA-Factory write them."""

MESSAGE_STYLES = (("role", "content"), ("from", "value"))
"""The keys of a message: as OpenAI and Hugging Face write it, and as ShareGPT does."""

KEYS_READ = frozenset(
    {"role", "content", "from", "value", "name", "tool_calls", "tool_call_id", "reasoning_content"}
)
"""Keys of a message that chat templates read. Fault D16: a key beside these is passed over."""

DIALOGUE_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")
"""How Anthropic's HH-RLHF writes a dialogue as one text."""


def message_style(message: object) -> tuple[str, str] | None:
    """The names of role and content in a message, None where it is none."""
    if not isinstance(message, dict):
        return None
    return next((style for style in MESSAGE_STYLES if style[0] in message), None)


def is_messages(value: object) -> bool:
    """Whether a value is a list of messages, by its first one."""
    return isinstance(value, list) and bool(value) and message_style(value[0]) is not None


def read_messages(reading: Reading, value: object, path: tuple[str | int, ...]) -> None:
    """Add the turns of a message list that stands at `path` of the record."""
    if value is None or value == []:
        reading.problem = f"has no messages in {path[0]!r}"
        return
    if not isinstance(value, list):
        reading.problem = f"has {named(value)} as {path[0]!r}, not a list of messages"
        return
    for at, message in enumerate(value):
        style = message_style(message)
        if style is None:
            keys = ", ".join(map(str, message)) if isinstance(message, dict) else named(message)
            reading.problem = f"has a message without a role (message {at + 1}: {keys})"
            return
        _message(reading, message, style, (*path, at))


def _message(
    reading: Reading,
    message: Mapping[str, Any],
    style: tuple[str, str],
    path: tuple[str | int, ...],
) -> None:
    word, content = str(message[style[0]]), message.get(style[1])
    role = ROLE_WORDS.get(word)
    if role is None:
        role = ROLE_WORDS.get(word.strip().lower(), Role.OTHER)
        reading.irregular.append((Irregular.ROLE, word))
    reading.irregular += [
        (Irregular.KEY, key)
        for key, value in message.items()
        if key not in KEYS_READ and isinstance(value, str) and len(value) > 1
    ]
    calls = message.get("tool_calls")
    if isinstance(content, list):
        # Text and images in one message, as vision models take it.
        for at, piece in enumerate(content):
            if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                reading.parts.append(Part(role, piece["text"], (*path, style[1], at, "text")))
    elif isinstance(content, str):
        if content or not calls:
            reading.parts.append(Part(role, content, (*path, style[1])))
    elif content is not None:
        reading.irregular.append((Irregular.CONTENT, named(content)))
        reading.parts.append(Part(role, as_text(content), (*path, style[1])))
    elif not calls:
        reading.irregular.append((Irregular.CONTENT, f"{word} without {style[1]!r}"))
        reading.parts.append(Part(role, "", (*path, style[1])))
    if calls:
        _tool_calls(reading, calls, (*path, "tool_calls"))


def _tool_calls(reading: Reading, calls: object, path: tuple[str | int, ...]) -> None:
    if not isinstance(calls, list):
        reading.irregular.append((Irregular.TOOL_CALL, f"tool_calls is {named(calls)}"))
        return
    for at, call in enumerate(calls):
        reading.parts.append(Part(Role.TOOL_CALL, as_text(call), (*path, at)))
        problem = _call_problem(call)
        if problem is not None:
            reading.irregular.append((Irregular.TOOL_CALL, problem))


def _call_problem(call: object) -> str | None:
    if not isinstance(call, dict):
        return f"a call is {named(call)}"
    function = call.get("function", call)
    if not isinstance(function, dict) or not function.get("name"):
        return "a call has no function name"
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return "arguments are not valid JSON"
    if not isinstance(arguments, dict):
        return f"arguments are {named(arguments)}, not an object"
    return None


def side_turns(value: object, column: str) -> list[Part] | None:
    """The turns of one side of a preference pair, None where it is no text and no messages."""
    if value is None:
        return [Part(Role.ANSWER, "", (column,))]
    if isinstance(value, str):
        return _dialogue(value, column)
    if isinstance(value, dict) and message_style(value) is not None:
        value = [value]
    if not is_messages(value):
        return None
    turns = Reading()
    read_messages(turns, value, (column,))
    return None if turns.problem else turns.parts


def _dialogue(text: str, column: str) -> list[Part]:
    """The turns of a dialogue written as one text; one answer where it is none."""
    starts = list(DIALOGUE_TURN.finditer(text))
    if not starts or starts[0].start() != 0 or starts[-1][1] != "Assistant":
        return [Part(Role.ANSWER, text, (column,))]
    ends = [m.start() for m in starts[1:]] + [len(text)]
    return [
        Part(Role.PROMPT if m[1] == "Human" else Role.ANSWER, text[m.end() : end])
        for m, end in zip(starts, ends, strict=True)
    ]
