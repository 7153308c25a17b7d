"""A row as a record again, for files that cannot be written in their own way."""

from __future__ import annotations

from typing import Any

from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split
from tunewell.subjects.layout import PLAIN_SLOTS, Kind
from tunewell.subjects.parts import Role

MESSAGE_ROLES = {
    Role.SYSTEM: "system",
    Role.PROMPT: "user",
    Role.ANSWER: "assistant",
    Role.TOOL: "tool",
    Role.TOOL_CALL: "assistant",
}
SIDES = {"chosen": Role.CHOSEN, "rejected": Role.REJECTED}


def record_of(split: Split, row: int) -> dict[str, Any]:
    """The columns of a row by name: its texts, its label and every other column that was kept.

    Messages get the keys "role" and "content". What stood before the two sides of a preference pair
    and in no column of its own becomes "prompt".
    """
    columns = split.source.layout.columns
    left = parts(split).of_row(row)
    record: dict[str, Any] = {}
    for slot, column in columns.items():
        role = SIDES.get(slot) or PLAIN_SLOTS.get(slot)
        if role is not None:
            at = next((at for at, (own, _) in enumerate(left) if own is role), None)
            record[column] = "" if at is None else left.pop(at)[1]
        elif slot == "tokens":
            record[column] = left.pop(0)[1].split(" ")
    turns = [{"role": MESSAGE_ROLES.get(role, "user"), "content": text} for role, text in left]
    if turns:
        record[columns.get("messages", "prompt")] = turns
    if split.source.label_column is not None:
        several = split.kind in {Kind.MULTI_LABEL, Kind.TAGGING} and split.label_sets is not None
        record[split.source.label_column] = (
            list(split.label_sets[row])
            if several and split.label_sets is not None
            else split.labels[row]
        )
    return record | {name: cells[row] for name, cells in split.extra.items()}
