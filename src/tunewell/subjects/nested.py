"""Cells of a record that hold more than a text: tokens, earlier turns, choices, translations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, cast

from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Part, Reading, as_text, named


def is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    """Whether a value is a list of texts with at least one."""
    return isinstance(value, list) and bool(value) and all(isinstance(t, str) for t in value)


def is_history(value: object) -> bool:
    """Whether a value is a list of earlier turns, question and answer, as LLaMA-Factory has it."""
    return isinstance(value, list) and all(
        isinstance(turn, list | tuple)
        and len(turn) == len(HISTORY_ROLES)
        and all(isinstance(text, str) for text in turn)
        for turn in value
    )


def is_answers(value: object) -> bool:
    """Whether a value is a list of answers with their places in a context, as SQuAD has it."""
    return isinstance(value, dict) and isinstance(value.get("text"), list)


def is_translation(value: object) -> bool:
    """Whether a value is one sentence in several languages, by their codes."""
    return (
        isinstance(value, dict)
        and len(value) > 1
        and all(isinstance(text, str) and len(code) <= LONGEST_CODE for code, text in value.items())
    )


HISTORY_ROLES = (Role.PROMPT, Role.ANSWER)
LONGEST_CODE = 12
"""Characters of a language code: "zh-Hant-TW" has 10."""


def _history(reading: Reading, value: object, column: str) -> None:
    if value in (None, "", []):
        return
    if not is_history(value):
        reading.problem = f"has {named(value)} as {column!r}, not a list of questions and answers"
        return
    for at, turn in enumerate(cast("list[list[str]]", value)):
        reading.parts += [
            Part(role, text, (column, at, side))
            for side, (role, text) in enumerate(zip(HISTORY_ROLES, turn, strict=True))
        ]


def _answers(reading: Reading, value: object, column: str) -> None:
    """The first answer. A question without one is known to have none: that is no fault."""
    texts = value.get("text") if isinstance(value, dict) else None
    if not isinstance(texts, list):
        reading.problem = f"has {named(value)} as {column!r}, not a list of answers"
    elif texts:
        reading.parts.append(Part(Role.ANSWER, as_text(texts[0]), (column, "text", 0)))


def _translation(reading: Reading, value: object, column: str) -> None:
    if not is_translation(value):
        reading.problem = f"has {named(value)} as {column!r}, not a sentence in two languages"
        return
    for at, (code, text) in enumerate(cast("dict[str, str]", value).items()):
        reading.parts.append(Part(Role.ANSWER if at else Role.PROMPT, text, (column, code)))


def is_segments(value: object) -> bool:
    """Whether a value is a list of texts of which each says if it is learned, as axolotl has it."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(piece, dict)
            and isinstance(piece.get("label"), bool)
            and isinstance(piece.get("text"), str)
            for piece in value
        )
    )


def _segments(reading: Reading, value: object, column: str) -> None:
    if not is_segments(value):
        reading.problem = f"has {named(value)} as {column!r}, not a list of labelled texts"
        return
    reading.parts += [
        Part(Role.ANSWER if piece["label"] else Role.PROMPT, piece["text"], (column, at, "text"))
        for at, piece in enumerate(cast("list[dict[str, Any]]", value))
    ]


def is_choices(value: object) -> bool:
    """Whether a value is what can be chosen: a list of texts, or one under "text"."""
    return is_list_of_texts(value.get("text") if isinstance(value, dict) else value)


def _choices(reading: Reading, value: object, column: str) -> None:
    if not is_choices(value):
        reading.problem = f"has {named(value)} as {column!r}, not a list of choices"
        return
    path: tuple[str | int, ...] = (column, "text") if isinstance(value, dict) else (column,)
    texts = value["text"] if isinstance(value, dict) else cast("list[str]", value)
    reading.parts += [Part(Role.INPUT, text, (*path, at)) for at, text in enumerate(texts)]


def _right(reading: Reading, value: object, column: str) -> None:
    """The letter, number or text of the right choice."""
    text = "" if value is None else as_text(value)
    reading.parts.append(Part(Role.ANSWER, text, (column,) if isinstance(value, str) else ()))


def _tokens(reading: Reading, value: object, column: str) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        reading.problem = f"has {named(value)} as {column!r}, not a list of tokens"
        return
    reading.parts.append(Part(Role.TEXT, " ".join(map(str, value))))


NESTED_SLOTS: Mapping[str, Callable[[Reading, object, str], None]] = {
    "tokens": _tokens,
    "history": _history,
    "answers": _answers,
    "translation": _translation,
    "choices": _choices,
    "segments": _segments,
    "right": _right,
}
"""How the slots are read that are no plain text and no messages."""
