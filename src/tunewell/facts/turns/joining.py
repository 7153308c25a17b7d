"""The order of turns: what is wrong with one, and which turns to join so that it is right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tunewell.core.finding import JoinTurns
from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.facts.turns.conversations import GOES_ON, SPOKEN, WORDS, conversation
from tunewell.facts.turns.templates import RefusedError, Template
from tunewell.subjects.dataset import Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import SEPARATOR, Role
from tunewell.subjects.reading import Irregular

ASSISTANT = frozenset({Role.ANSWER, Role.CHOSEN, Role.TOOL_CALL})
JOINED = frozenset({Role.SYSTEM, Role.PROMPT, Role.ANSWER})
WHOLE = frozenset({Kind.CHAT, Kind.UNPAIRED})
"""Kinds whose rows are one conversation each, in one list."""


def out_of_order(shape: bytes) -> list[str]:
    """What strict templates refuse in an order of roles, given as `conversations.shapes` does."""
    turns = [Role(code) for code in shape if code < GOES_ON]
    first = next((at for at, role in enumerate(turns) if role in SPOKEN), len(turns))
    # A list of tools stands before the first turn and is no turn itself.
    talk = [role for at, role in enumerate(turns) if at >= first or role is not Role.TOOL]
    sides = ["assistant" if role in ASSISTANT else WORDS.get(role, "user") for role in talk]
    twice = {one for one, other in pairwise(sides) if one == other}
    said = [f"two turns of the {side} in a row" for side in ("user", "assistant") if side in twice]
    systems = [at for at, side in enumerate(sides) if side == "system"]
    if len(systems) > 1:
        said.append("more than one system turn")
    elif systems and systems[0] > 0:
        said.append("a system turn that is not the first")
    if next((side for side in sides if side in {"user", "assistant"}), "") == "assistant":
        said.append("starts with the assistant")
    codes = [code % GOES_ON for code in shape]
    results = [at for at, code in enumerate(codes) if code == int(Role.TOOL) and at > first]
    if results and int(Role.TOOL_CALL) not in codes[: results[0]]:
        said.append("a tool's result without a call before it")
    return said


def joins(split: Split, row: int, template: Template | None) -> list[JoinTurns]:
    """The turns of a row to join so that the template, or a strict one, takes it; [] if none do.

    Turns of one speaker are joined first, then also a system text with the user's turn after it.
    """
    known = parts(split)
    low, high = int(known.start[row]), int(known.start[row + 1])
    if split.kind not in WHOLE or row in _with_more(split):
        return []
    if known.opens is not None and not known.opens[low:high].all():
        return []
    roles = [Role(int(code)) for code in known.role[low:high]]
    if not set(roles) <= JOINED:
        return []
    for fold in (False, True):
        groups = _groups(roles, fold=fold)
        if any(len(group) > 1 for group in groups) and _taken(split, row, roles, groups, template):
            return [
                JoinTurns(split=split.name, row=row, parts=tuple(group))
                for group in groups
                if len(group) > 1
            ]
    return []


@fact
def _with_more(split: Split) -> frozenset[int]:
    """Rows whose messages have further keys, which would be lost with the message."""
    kept = {Irregular.KEY, Irregular.CONTENT, Irregular.ROLE}
    return frozenset(note.row for note in split.irregular if note.what in kept)


def _groups(roles: Sequence[Role], *, fold: bool) -> list[list[int]]:
    groups: list[list[int]] = []
    for at, role in enumerate(roles):
        before = roles[groups[-1][-1]] if groups else None
        if before is role or (fold and before is Role.SYSTEM and role is Role.PROMPT):
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups


def _taken(
    split: Split,
    row: int,
    roles: Sequence[Role],
    groups: Sequence[Sequence[int]],
    template: Template | None,
) -> bool:
    if template is None:
        shape = np.array([roles[group[-1]] for group in groups], dtype=np.uint8).tobytes()
        return not out_of_order(shape)
    before = conversation(split, row).messages
    messages = [
        before[group[-1]]
        | {"content": SEPARATOR.join(filter(None, (before[at]["content"] for at in group)))}
        for group in groups
    ]
    try:
        template.render(messages, None)
    except RefusedError:
        return False
    return True
