"""Edits as the lines of a small diff, for every renderer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, assert_never

import msgspec

from tunewell.core.finding import (
    AddRows,
    DropRows,
    Edit,
    JoinTurns,
    MoveRows,
    RenameKey,
    SetKey,
    SetLabel,
    SetText,
    SettingValue,
)
from tunewell.core.mask import mask
from tunewell.core.words import counted
from tunewell.facts.config_files.own_terms import own_terms
from tunewell.report.words import visible

ROWS_SHOWN = 6
"""Row numbers listed for an edit of many rows; the document holds all of them."""

TEXTS_SHOWN = 3
TEXT_SHOWN = 120
CONTEXT = 30
"""Characters of a changed text that are shown, and of what stands before and after the change."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line: where the change is, what goes, or what comes."""

    kind: Literal["where", "remove", "add"]
    text: str


def diff(edits: Iterable[Edit]) -> list[DiffLine]:
    """The edits as lines of a diff, secrets masked.

    A place is named once for neighbours that share it. Of many changed texts the first few are
    shown, each around its change: the document and the diff beside a repaired file have all.
    """
    lines: list[DiffLine] = []
    here = ""
    texts = 0
    for edit in edits:
        if isinstance(edit, SetText | JoinTurns):
            texts += 1
            if texts > TEXTS_SHOWN:
                continue
        where, removed, added = _parts(edit)
        if where and where != here:
            lines.append(DiffLine("where", where))
        here = where
        removed, added = [mask(text) for text in removed], [mask(text) for text in added]
        if isinstance(edit, SetText):
            old, new = around_change(removed[0], added[0])
            removed, added = [old], [new]
        lines += [DiffLine("remove", text) for text in removed]
        lines += [DiffLine("add", text) for text in added]
    if texts > TEXTS_SHOWN:
        lines.append(DiffLine("where", f"and {counted(texts - TEXTS_SHOWN, 'more text')}"))
    return lines


def around_change(old: str, new: str) -> tuple[str, str]:
    """Two texts cut to where they differ, with some characters before and after."""
    if max(len(old), len(new)) <= TEXT_SHOWN:
        return old, new
    start = _shared(old, new)
    rest_old, rest_new = old[start:], new[start:]
    end = _shared(rest_old[::-1], rest_new[::-1])
    return _window(old, start, len(old) - end), _window(new, start, len(new) - end)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _window(text: str, start: int, end: int) -> str:
    low, high = max(0, start - CONTEXT), min(len(text), end + CONTEXT)
    shown = text[low:high]
    if len(shown) > TEXT_SHOWN:
        half = TEXT_SHOWN // 2
        shown = f"{shown[:half]}…{shown[-half:]}"
    return f"{'…' if low else ''}{shown}{'…' if high < len(text) else ''}"


def _parts(  # noqa: PLR0911  one return a kind of edit
    edit: Edit,
) -> tuple[str, list[str], list[str]]:
    match edit:
        case SetKey():
            line = "" if edit.line is None else f":{edit.line}"
            return (
                "" if edit.file is None else f"{edit.file}{line}",
                [] if edit.old is None else _as_written(edit, edit.old),
                [] if edit.new is None else _as_written(edit, edit.new),
            )
        case RenameKey():
            line = "" if edit.line is None else f":{edit.line}"
            old = edit.key.rpartition(".")[2]
            return "" if edit.file is None else f"{edit.file}{line}", [old], [edit.new]
        case DropRows():
            return edit.split, [f"{counted(len(edit.rows), 'row')} left out"], []
        case SetText():
            return f"{edit.split}, row {edit.row:,} counted from 0", [edit.old], [edit.new]
        case JoinTurns():
            what = counted(len(edit.parts), "turn")
            return f"{edit.split}, row {edit.row:,} counted from 0", [what], ["joined to one turn"]
        case SetLabel():
            return f"{edit.split}, {rows(edit.rows)}", [f"label {edit.old}"], [f"label {edit.new}"]
        case AddRows():
            how = "with changed text" if edit.texts else "as they are"
            return edit.split, [], [f"{counted(len(edit.of), 'row')} repeated {how}"]
        case MoveRows():
            what = counted(len(edit.rows), "row")
            return edit.split, [f"{what} moved to {edit.to}"], []
        case _:
            assert_never(edit)


def _as_written(edit: SetKey, setting: SettingValue) -> list[str]:
    """A setting with a value as the file that it stands in has it; as TOML where none is named."""
    suffix = PurePath(edit.file or "").suffix
    if edit.key is None or suffix not in {".yaml", ".yml", ".json", ".py"}:
        return [f"{edit.key or edit.path} = {value(setting)}"]
    terms = own_terms(msgspec.structs.replace(edit, new=setting))
    if suffix == ".py":
        return [f"{key.rpartition('.')[2]}={visible(repr(new))}" for key, new in terms]
    quote = '"' if suffix == ".json" else ""
    return [f"{quote}{key}{quote}: {value(new)}" for key, new in terms]


def value(setting: SettingValue) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(setting, tuple):
        return f"[{', '.join(map(value, setting))}]"
    if isinstance(setting, bool):
        return str(setting).lower()
    if isinstance(setting, str):
        return f'"{visible(setting)}"'
    return repr(setting)


def rows(numbers: Sequence[int]) -> str:
    """Row numbers, counted from 0, as `row 4` or `37 rows (4, 19, 22 and 34 more)`."""
    if len(numbers) == 1:
        return f"row {numbers[0]:,}"
    listed = ", ".join(f"{number:,}" for number in numbers[:ROWS_SHOWN])
    rest = len(numbers) - ROWS_SHOWN
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"{counted(len(numbers), 'row')} ({listed}{more})" if numbers else "0 rows"
