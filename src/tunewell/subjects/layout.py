"""How the columns of a record make up a row: kinds of data, and the parts of one record.

One place knows where in a record each part stands, so that what is read can also be written back:
`Layout.read` gives every part its path and `Layout.write` puts a new text there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tunewell.subjects.messages import is_messages, read_messages, side_turns
from tunewell.subjects.nested import NESTED_SLOTS, is_list_of_texts
from tunewell.subjects.parts import SEPARATOR, Role
from tunewell.subjects.paths import put, remove
from tunewell.subjects.reading import Irregular, Part, Reading, as_text, named
from tunewell.subjects.sides import twin, write_dialogue, write_tokens


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
            put(record, path, new)
            if again:
                put(record, again, new)
        elif not (
            write_tokens(record, self.columns.get("tokens"), new)
            or write_dialogue(record, self.columns, parts, part, new)
        ):
            message = f"part {part} of the row stands in no column of its own"
            raise ValueError(message)

    def join(self, record: dict[str, Any], groups: Iterable[Sequence[int]]) -> None:
        """Make one turn of each group of parts: the last takes the texts, the others go."""
        parts = self.read(record).parts
        gone: list[tuple[str | int, ...]] = []
        for group in groups:
            said = filter(None, (parts[at].text for at in group))
            put(record, parts[group[-1]].path, SEPARATOR.join(said))
            gone += [parts[at].path for at in group[:-1]]
        for path in sorted(gone, reverse=True):
            remove(record, path)


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
