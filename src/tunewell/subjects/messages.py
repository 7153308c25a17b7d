"""The turns of a conversation, from message lists and from dialogues written as one text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
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

ROLE_KEYS = ("role", "from")
"""The key of a message's role: as OpenAI and Hugging Face write it, and as ShareGPT does."""

CONTENT_KEYS = ("content", "value", "text")

PAIR_KEYS = (("human", "user"), ("assistant", "bot", "gpt"))
"""Keys of a question with its answer, where a conversation is a list of such pairs."""

TURN_WORDS = ("user", "assistant")
"""Who speaks in turn in a conversation that is a list of plain texts."""

KEYS_KEPT = frozenset({*ROLE_KEYS, *CONTENT_KEYS, "name", "tool_calls", "tool_call_id"})
"""Keys of a message that chat templates read, whatever the model."""

CALL_KEYS = ("tool_calls", "function_call")
"""Where an assistant's calls stand; the second is the older form, with a single call."""

DIALOGUE_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")
"""How Anthropic's HH-RLHF writes a dialogue as one text."""


def message_style(message: object) -> tuple[str, str] | None:
    """The names of role and content in a message, None where it is none."""
    if not isinstance(message, dict):
        return None
    role = next((key for key in ROLE_KEYS if key in message), None)
    if role is None:
        return None
    usual = CONTENT_KEYS[ROLE_KEYS.index(role)]
    return role, next((key for key in (usual, *CONTENT_KEYS) if key in message), usual)


def _pair(message: object) -> tuple[str, str] | None:
    """The keys of question and answer, where a message holds both."""
    if not isinstance(message, dict):
        return None
    found = [next((k for k in keys if isinstance(message.get(k), str)), "") for keys in PAIR_KEYS]
    return (found[0], found[1]) if all(found) else None


def is_messages(value: object) -> bool:
    """Whether a value is a list of messages, by its first one, or one kept as JSON in a text."""
    value = _decoded(value)
    if isinstance(value, dict):
        return _columns(value) is not None
    return (
        isinstance(value, list)
        and bool(value)
        and (message_style(value[0]) is not None or _pair(value[0]) is not None)
    )


def is_turns(value: object) -> bool:
    """Whether a value is a list of plain texts that can be the turns of two speakers."""
    return isinstance(value, list) and len(value) > 1 and all(isinstance(t, str) for t in value)


def _decoded(value: object) -> object:
    if isinstance(value, str) and value.lstrip()[:1] == "[" and value.rstrip()[-1:] == "]":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _columns(value: Mapping[str, object]) -> tuple[str, str] | None:
    """Role and content of messages that stand as one list each, as `datasets` once wrote them."""
    style = message_style(value)
    if style is None:
        return None
    roles, contents = value[style[0]], value.get(style[1])
    if isinstance(roles, list) and isinstance(contents, list) and len(roles) == len(contents):
        return style
    return None


def read_messages(reading: Reading, value: object, path: tuple[str | int, ...]) -> None:
    """Add the turns of a conversation that stands at `path` of the record."""
    value = _decoded(value)
    if value is None or value in ([], ""):
        reading.problem = f"has no messages in {path[0]!r}"
        return
    if isinstance(value, dict) and (style := _columns(value)) is not None:
        roles, contents = value[style[0]], value[style[1]]
        for at, (word, content) in enumerate(zip(roles, contents, strict=True)):
            known = _role(reading, str(word))
            reading.parts.append(Part(known, as_text(content), (*path, style[1], at)))
        return
    if not isinstance(value, list):
        reading.problem = f"has {named(value)} as {path[0]!r}, not a list of messages"
        return
    if is_turns(value):
        for at, text in enumerate(value):
            reading.parts.append(Part(ROLE_WORDS[TURN_WORDS[at % 2]], text, (*path, at)))
        return
    calls: set[str] = set()
    for at, message in enumerate(value):
        style, pair = message_style(message), _pair(message)
        if style is not None:
            _message(reading, message, style, (*path, at))
            _match_calls(reading, message, calls)
        elif pair is not None:
            reading.parts += [
                Part(ROLE_WORDS[word], message[key], (*path, at, key))
                for word, key in zip(TURN_WORDS, pair, strict=True)
            ]
        else:
            keys = ", ".join(map(str, message)) if isinstance(message, dict) else named(message)
            reading.problem = f"has a message without a role (message {at + 1}: {keys})"
            return


def _role(reading: Reading, word: str) -> Role:
    reading.words.append(word)
    role = ROLE_WORDS.get(word)
    if role is None:
        role = ROLE_WORDS.get(word.strip().lower(), Role.OTHER)
        reading.irregular.append((Irregular.ROLE, word))
    return role


def _message(
    reading: Reading,
    message: Mapping[str, Any],
    style: tuple[str, str],
    path: tuple[str | int, ...],
) -> None:
    word, content = str(message[style[0]]), message.get(style[1])
    role = _role(reading, word)
    reading.irregular += [
        (Irregular.KEY, key)
        for key, value in message.items()
        if key not in KEYS_KEPT and isinstance(value, str) and len(value) > 1
    ]
    called = next((key for key in CALL_KEYS if message.get(key)), None)
    before = len(reading.parts)
    if isinstance(content, list):
        _pieces(reading, role, content, (*path, style[1]))
    elif isinstance(content, str):
        if content or called is None:
            reading.parts.append(Part(role, content, (*path, style[1])))
            if role is Role.TOOL_CALL:
                _written_call(reading, content)
    elif content is not None:
        reading.irregular.append((Irregular.CONTENT, f"{word} with {named(content)}"))
        reading.parts.append(Part(role, as_text(content), (*path, style[1])))
    elif called is None:
        reading.irregular.append((Irregular.CONTENT, f"{word} without {style[1]!r}"))
        reading.parts.append(Part(role, "", (*path, style[1])))
    if called is not None:
        _tool_calls(reading, message[called], (*path, called), opens=before == len(reading.parts))


def _pieces(
    reading: Reading, role: Role, content: Sequence[object], path: tuple[str | int, ...]
) -> None:
    """Text and images in one message, as vision models take it."""
    before = len(reading.parts)
    for at, piece in enumerate(content):
        opens = before == len(reading.parts)
        if isinstance(piece, str):
            reading.parts.append(Part(role, piece, (*path, at), opens))
        elif isinstance(piece, dict) and isinstance(piece.get("text"), str):
            reading.parts.append(Part(role, piece["text"], (*path, at, "text"), opens))
        else:
            reading.media += 1
    if before == len(reading.parts):
        # An image alone is a turn all the same.
        reading.parts.append(Part(role, ""))
        if not content:
            reading.irregular.append((Irregular.CONTENT, "an empty list as content"))


def _tool_calls(
    reading: Reading, calls: object, path: tuple[str | int, ...], *, opens: bool
) -> None:
    if isinstance(calls, dict) and path[-1] == "function_call":
        listed, places = [calls], [path]
    elif isinstance(calls, list):
        listed, places = calls, [(*path, at) for at in range(len(calls))]
    else:
        reading.irregular.append((Irregular.TOOL_CALL, f"{path[-1]} is {named(calls)}"))
        return
    for call, place in zip(listed, places, strict=True):
        reading.parts.append(Part(Role.TOOL_CALL, as_text(call), place, opens))
        opens = False
        problem = _call_problem(call)
        if problem is not None:
            reading.irregular.append((Irregular.TOOL_CALL, problem))


def _match_calls(reading: Reading, message: Mapping[str, Any], calls: set[str]) -> None:
    """Note a result that names a call which no turn before it made."""
    listed = message.get("tool_calls")
    if isinstance(listed, list):
        calls.update(str(call["id"]) for call in listed if isinstance(call, dict) and "id" in call)
    answered = message.get("tool_call_id")
    if answered and str(answered) not in calls:
        reading.irregular.append(
            (Irregular.TOOL_CALL, "a result answers a call that no turn before it made")
        )


def _written_call(reading: Reading, content: str) -> None:
    """A call in a turn of its own, as LLaMA-Factory has it: JSON as text."""
    try:
        call = json.loads(content)
    except ValueError:
        reading.irregular.append((Irregular.TOOL_CALL, "a call is not valid JSON"))
        return
    for one in call if isinstance(call, list) else [call]:
        problem = _call_problem(one)
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


def side_turns(reading: Reading, value: object, column: str) -> list[Part] | None:
    """The turns of one side of a preference pair, None where it is no text and no messages.

    What is odd about the messages is noted in `reading`; the turns are not added to it.
    """
    if value is None:
        return [Part(Role.ANSWER, "", (column,))]
    if isinstance(value, str):
        return _dialogue(value, column)
    alone = isinstance(value, dict) and message_style(value) is not None
    listed = [value] if alone else value
    if not is_messages(listed):
        return None
    turns = Reading()
    read_messages(turns, listed, (column,))
    if alone:
        # A single message stands in the column itself, not in a list.
        turns.parts = [replace(part, path=(column, *part.path[2:])) for part in turns.parts]
    reading.irregular += turns.irregular
    reading.words += turns.words
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
