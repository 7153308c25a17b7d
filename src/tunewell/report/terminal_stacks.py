"""Stacks drawn with the characters of a terminal, each part by a character and a colour of its own.

The characters tell the parts apart where there is no colour: in a pipe, in a log, in Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tunewell.core.finding import Bars, Layers, Limit
from tunewell.report.words import figure, visible

FILLS = ("█", "▓", "▒", "░", "▞", "·")
STYLES = ("blue", "green", "yellow", "magenta", "cyan", "dim")
"""Of the parts in their order; a seventh begins anew."""

NARROWEST_PLOT = 16
LONGEST_NAME, LONGEST_UNIT = 24, 8
LAYER_ROWS = 10
SHORTEST_NAME = 4
"""Fewer letters of a stretch's name say nothing."""
OVER = "bold red"


def stacked(item: Bars | Layers, width: int) -> Iterator[Text]:
    """The stack as lines of at most `width` columns, where names leave room for it."""
    yield _legend(item.parts)
    if isinstance(item, Bars):
        yield from _bars(item, width)
    else:
        yield from _layers(item, width)


def _legend(parts: Sequence[str]) -> Text:
    text = Text()
    for number, part in enumerate(parts):
        text.append("  " if number else "")
        text.append(FILLS[number % len(FILLS)], STYLES[number % len(STYLES)])
        text.append(f" {_short(part)}")
    return text


def _short(text: str, longest: int = LONGEST_NAME) -> str:
    """The text on few columns: what is drawn beside it needs the others."""
    said = visible(text)
    return said if cell_len(said) <= longest else f"{set_cell_size(said, longest - 1)}…"


def _bars(item: Bars, width: int) -> Iterator[Text]:
    totals = [sum(row.values) for row in item.rows]
    top = max([*totals, *(limit.value for limit in item.limits)], default=0.0) or 1.0
    named = max((cell_len(_short(row.name)) for row in item.rows), default=0)
    numbers = [_number(total, item.unit) for total in totals]
    room = max(width - named - 2 - max(map(len, numbers), default=0) - 1, NARROWEST_PLOT)
    marks = {_column(limit.value, top, room): limit for limit in item.limits}
    for row, total, number in zip(item.rows, totals, numbers, strict=True):
        line = Text(set_cell_size(_short(row.name), named) + "  ")
        cells = list(_cells(row.values, total, top, room))
        cells += [(" ", "")] * (room - len(cells))
        for column, limit in marks.items():
            cells[min(column, room - 1)] = ("│", OVER if total > limit.value else "bold")
        for fill, style in cells:
            line.append(fill, style)
        over = any(total > limit.value for limit in item.limits)
        line.append(f" {number.rjust(max(map(len, numbers)))}", OVER if over else "")
        yield line
    for column, limit in sorted(marks.items()):
        yield _pointer(limit, min(column, room - 1), named + 2, width, item.unit)


def _pointer(limit: Limit, column: int, lead: int, width: int, unit: str) -> Text:
    said = f"{_short(limit.name)}: {_number(limit.value, unit)}"
    at = lead + column
    if at + 2 + cell_len(said) <= width:
        return Text(" " * at + f"└ {said}", "bold")
    return Text(" " * max(at - cell_len(said) - 1, 0) + f"{said} ┘", "bold")


def _cells(
    values: Sequence[float], total: float, top: float, room: int
) -> Iterator[tuple[str, str]]:
    """One character a column: each part takes its share, rounded so that the sum is right."""
    length = _column(total, top, room)
    if total > 0 and length == 0:
        length = 1
    reached, drawn = 0.0, 0
    for number, value in enumerate(values):
        reached += value
        end = round(length * reached / total) if total > 0 else 0
        for _ in range(end - drawn):
            yield FILLS[number % len(FILLS)], STYLES[number % len(STYLES)]
        drawn = max(drawn, end)


def _column(value: float, top: float, room: int) -> int:
    return min(round(value / top * room), room)


def _number(value: float, unit: str) -> str:
    shown = f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004  digits that say
    if 0 < value < 0.1:  # noqa: PLR2004  less than one tenth is not 0.0
        shown = figure(value)
    return f"{shown} {_short(unit, LONGEST_UNIT)}" if unit else shown


def _layers(item: Layers, width: int) -> Iterator[Text]:
    if not item.at:
        return
    totals = [sum(values) for values in item.values]
    top = max([*totals, *(limit.value for limit in item.limits)]) or 1.0
    labels = {0: _number(top, item.unit), LAYER_ROWS // 2: _number(top / 2, "")}
    levels = {
        min(int((1 - limit.value / top) * LAYER_ROWS), LAYER_ROWS - 1): limit
        for limit in item.limits
    }
    lead = max(cell_len(label) for label in labels.values())
    room = max(width - lead - 2, NARROWEST_PLOT)
    columns = _sampled(item, totals, room)
    for row in range(LAYER_ROWS):
        level = top * (LAYER_ROWS - row - 0.5) / LAYER_ROWS
        label = labels.get(row, "")
        if row in levels:
            label = _number(levels[row].value, "")
        line = Text(f"{label.rjust(lead)} ", "dim")
        line.append("┤" if label else "│", "dim")
        for values in columns:
            line.append(*_layer_cell(values, level, limited=row in levels))
        if row in levels:
            said = f" {_short(levels[row].name)} "
            line = line[: width - cell_len(said)] + Text(said, "bold")
        yield line
    yield Text("0".rjust(lead) + " └" + "─" * room, "dim")
    yield _stretches(item, lead + 2, room)


def _sampled(item: Layers, totals: Sequence[float], room: int) -> list[tuple[float, ...]]:
    """Of each column's stretch the moment with the most, so that no peak is lost."""
    first, last = item.at[0], item.at[-1]
    span = (last - first) or 1.0
    columns: list[tuple[float, ...] | None] = [None] * room
    most = [-1.0] * room
    for at, values, total in zip(item.at, item.values, totals, strict=False):
        column = min(int((at - first) / span * room), room - 1)
        if total > most[column]:
            most[column], columns[column] = total, values
    filled: list[tuple[float, ...]] = []
    for sampled in columns:
        filled.append(sampled if sampled is not None else filled[-1])
    return filled


def _layer_cell(values: Sequence[float], level: float, *, limited: bool) -> tuple[str, str]:
    reached = 0.0
    for number, value in enumerate(values):
        reached += value
        if level < reached:
            return FILLS[number % len(FILLS)], STYLES[number % len(STYLES)]
    return ("┄", OVER) if limited else (" ", "")


def _stretches(item: Layers, lead: int, room: int) -> Text:
    """The names of the stretches, each where it begins, as far as there is room."""
    first, last = item.at[0], item.at[-1]
    span = (last - first) or 1.0
    line = " " * lead
    starts = [lead + min(int((s.first - first) / span * room), room - 1) for s in item.stretches]
    for stretch, start, following in zip(
        item.stretches, starts, [*starts[1:], lead + room], strict=False
    ):
        if start < len(line):
            continue
        line += " " * (start - len(line))
        name = _short(stretch.name)
        if cell_len(name) < following - start:
            line += name
        elif following - start > SHORTEST_NAME:
            line += name[: following - start - 1]
    return Text(line.rstrip() or _short(item.axis), "dim")
