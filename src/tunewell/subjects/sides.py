"""Write new texts that stand in no column of their own: turns of a dialogue, tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Part

SIDES: Mapping[str, Role] = {"chosen": Role.REJECTED, "rejected": Role.CHOSEN}
"""The slot of each side, and the role of the parts that stand on the other side alone."""


def write_dialogue(
    record: dict[str, Any], columns: Mapping[str, str], parts: Sequence[Part], part: int, new: str
) -> bool:
    """Replace a turn in sides that are one text each, as in HH; whether that could be done.

    A turn that both sides share is replaced in both. The turns stand in the text one after the
    other, so each is looked for behind the one before it.
    """
    changed: dict[str, str] = {}
    for slot, other in SIDES.items():
        cell = record.get(columns.get(slot, ""))
        if parts[part].role is other:
            continue
        if not isinstance(cell, str):
            return False
        low = high = 0
        for turn in parts[: part + 1]:
            if turn.role is other or turn.path:
                continue
            low = cell.find(turn.text, high)
            if low < 0:
                return False
            high = low + len(turn.text)
        changed[columns[slot]] = cell[:low] + new + cell[high:]
    record.update(changed)
    return bool(changed)


def write_tokens(record: dict[str, Any], column: str | None, new: str) -> bool:
    """Write a text as the tokens that it was made of; whether there are as many of them as before.

    With more or fewer the tags would stand beside the wrong ones.
    """
    tokens = record.get(column or "")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return False
    written = new.split(" ")
    if len(written) != len(tokens) or any(" " in token for token in tokens):
        return False
    record[str(column)] = written
    return True


def twin(columns: Mapping[str, str], part: Part) -> tuple[str | int, ...]:
    """Where a shared turn stands on the rejected side; () where it stands once."""
    shared = part.role not in {Role.CHOSEN, Role.REJECTED}
    if shared and len(part.path) > 1 and part.path[0] == columns.get("chosen"):
        return (columns["rejected"], *part.path[1:])
    return ()
