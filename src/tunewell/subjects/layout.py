"""How the columns of a record make up a row: kinds of data, and the parts of one record.

One place knows where in a record each part stands, so that what is read can also be written back:
`Layout.read` gives every part its path and `Layout.write` puts a new text there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeGuard, cast

from tunewell.subjects.messages import is_messages, read_messages, side_turns
from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Irregular, Part, Reading, as_text, named
from tunewell.subjects.sides import twin, write_dialogue


class Kind(StrEnum):
    """What kind of fine-tuning data the rows are."""

    CLASSIFICATION = "single-label classification"
    MULTI_LABEL = "multi-label classification"
    TAGGING = "token tags"
    PAIRS = "text pairs"
    COMPLETION = "prompt and completion"
    INSTRUCTION = "instructions"
    CHAT = "chat"
    PREFERENCE = "preference pairs"
    UNPAIRED = "unpaired preferences"
    TEXT = "plain text"

    @property
    def generates(self) -> bool:
        """Whether a model is trained to write text on it."""
        return self in GENERATIVE


FLAG = "label:"
"""Begins the slot of a column that says, with zeros and ones, which rows have one label."""

GENERATIVE = frozenset(
    {Kind.COMPLETION, Kind.INSTRUCTION, Kind.CHAT, Kind.PREFERENCE, Kind.UNPAIRED, Kind.TEXT}
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what.

    `columns` maps a slot ("text", "label", "instruction", "messages", "chosen" ...) to a column.
    Several labels of a row stand in one cell with `separator` between them, in a list, in a list of
    zeros and ones (`multi_hot`), or each in a column of zeros and ones (slots `FLAG` + its name).
    """

    kind: Kind = Kind.CLASSIFICATION
    columns: Mapping[str, str] = field(default_factory=lambda: {"text": "text", "label": "label"})
    separator: str = ""
    multi_hot: bool = False

    @property
    def flags(self) -> Mapping[str, str]:
        """The column of zeros and ones of each label, by the label's name, where there are such."""
        return {s.removeprefix(FLAG): c for s, c in self.columns.items() if s.startswith(FLAG)}

    @property
    def used(self) -> frozenset[str]:
        """Columns that make up the row, the label included."""
        return frozenset(self.columns.values())

    def read(self, record: Mapping[str, Any]) -> Reading:
        """The parts of a record, in the order that a model meets them."""
        reading = Reading()
        for slot, column in self.columns.items():
            if slot in PLAIN_SLOTS:
                self._plain(reading, PLAIN_SLOTS[slot], record.get(column), column, slot)
            elif slot == "messages":
                read_messages(reading, record.get(column), (column,))
            elif slot in NESTED_SLOTS:
                NESTED_SLOTS[slot](reading, record.get(column), column)
            elif slot == "tools" and record.get(column) not in (None, "", []):
                reading.parts.append(Part(Role.TOOL, as_text(record[column]), (column,)))
        if "chosen" in self.columns:
            _preference(reading, record, self.columns)
        if reading.problem is None and not reading.parts:
            reading.problem = "has no text"
        return reading

    def _plain(self, reading: Reading, role: Role, value: object, column: str, slot: str) -> None:
        if value is None:
            if slot in OPTIONAL_SLOTS:
                return
            if self.kind in {Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.TEXT}:
                reading.problem = "has no text"
            else:
                # A row without its answer is read: that it has none is a finding.
                reading.parts.append(Part(role, "", (column,)))
        elif isinstance(value, str):
            if value or slot not in OPTIONAL_SLOTS:
                reading.parts.append(Part(role, value, (column,)))
        elif is_messages(value):
            read_messages(reading, value, (column,))
        elif slot in LIST_SLOTS and is_list_of_texts(value):
            reading.parts += [Part(role, text, (column, at)) for at, text in enumerate(value)]
        else:
            reading.problem = f"has {named(value)} as {column!r}, not a text"

    def write(self, record: dict[str, Any], part: int, new: str) -> None:
        """Put a new text in the place of part number `part` of the record.

        Raises:
            ValueError: if that part is derived from others and cannot be written by itself.
        """
        parts = self.read(record).parts
        path = parts[part].path
        if path:
            again = twin(self.columns, parts[part])
            _put(record, path, new)
            if again:
                _put(record, again, new)
        elif not write_dialogue(record, self.columns, parts, part, new):
            message = f"part {part} of the row stands in no column of its own"
            raise ValueError(message)


PLAIN_SLOTS: Mapping[str, Role] = {
    "text": Role.TEXT,
    "first": Role.TEXT,
    "second": Role.SECOND,
    "negative": Role.NEGATIVE,
    "system": Role.SYSTEM,
    "prompt": Role.PROMPT,
    "instruction": Role.PROMPT,
    "input": Role.INPUT,
    "completion": Role.ANSWER,
    "output": Role.ANSWER,
}
OPTIONAL_SLOTS = frozenset({"system", "input"})
LIST_SLOTS = frozenset({"second", "negative"})
"""Slots that may hold several texts in a list, such as the passages that fit a query."""


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


def _put(place: Any, path: tuple[str | int, ...], new: str) -> None:  # noqa: ANN401  JSON
    step, rest = path[0], path[1:]
    if not rest:
        place[step] = new
    elif isinstance(place[step], str):
        # A list that the file keeps as JSON in one text.
        inner = json.loads(place[step])
        _put(inner, rest, new)
        place[step] = json.dumps(inner, ensure_ascii=False)
    else:
        _put(place[step], rest, new)


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
    "right": _right,
}


def _preference(reading: Reading, record: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    """The turns both sides share as the prompt, then the two answers."""
    sides = [
        side_turns(reading, record.get(columns[slot]), columns[slot])
        for slot in ("chosen", "rejected")
    ]
    for side, slot in zip(sides, ("chosen", "rejected"), strict=True):
        if side is None:
            reading.problem = (
                f"has {named(record.get(columns[slot]))} as {columns[slot]!r}, not an answer"
            )
            return
    chosen, rejected = (list(side or ()) for side in sides)
    shared = _common(chosen[:-1], rejected[:-1])
    told = {part.text for part in reading.parts if part.role is Role.PROMPT}
    # UltraFeedback has the prompt in a column of its own and again as the first turn of both sides.
    reading.parts += chosen[1 if shared and chosen[0].text in told else 0 : shared]
    if len(chosen) - shared != 1 or len(rejected) - shared != 1:
        reading.irregular.append(
            (Irregular.PROMPT_DIFFERS, f"{len(chosen) - shared} and {len(rejected) - shared} turns")
        )
    for role, turns in ((Role.CHOSEN, chosen[shared:]), (Role.REJECTED, rejected[shared:])):
        text = "\n\n".join(turn.text for turn in turns)
        path = turns[0].path if len(turns) == 1 else ()
        reading.parts.append(Part(role, text, path))


def _common(one: Sequence[Part], other: Sequence[Part]) -> int:
    pairs: Iterator[tuple[Part, Part]] = zip(one, other, strict=False)
    for at, (a, b) in enumerate(pairs):
        if (a.role, a.text) != (b.role, b.text):
            return at
    return min(len(one), len(other))
