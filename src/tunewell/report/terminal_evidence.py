"""Each kind of evidence as a few lines of a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import assert_never

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tunewell.core.finding import (
    Bars,
    Chart,
    Evidence,
    Layers,
    Matrix,
    Number,
    Series,
    Table,
    Tokens,
)
from tunewell.core.finding import Text as Quotation
from tunewell.core.words import counted
from tunewell.report import words
from tunewell.report.numbers import confusions, finite_points
from tunewell.report.terminal_stacks import stacked
from tunewell.report.words import figure, visible

CONFUSIONS_SHOWN = 3
NARROWEST_COLUMN = 8
LINES_OF_CELL = 3
QUOTED_CHARACTERS = 240
TOKENS_SHOWN = 40
REPEATS_FOLDED = 4
BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 24
RUNS_SHOWN = 8


def evidence_lines(
    evidence: Evidence,
    width: int,
    *,
    rows: int,
    lines: int = LINES_OF_CELL,
    tokens: int = TOKENS_SHOWN,
) -> Iterator[Text]:
    """The evidence as lines that fit `width` columns where they can.

    Of a table the first `rows` are shown, each cell on at most `lines` lines; of tokens so many.
    """
    match evidence:
        case Number():
            yield Text(visible(words.measured(evidence)))
        case Series():
            yield _series(evidence)
        case Table():
            yield from _table(evidence, width, rows, lines)
        case Matrix():
            yield from _matrix(evidence)
        case Tokens():
            yield _tokens(evidence, tokens)
        case Quotation():
            yield Text(visible(f"{evidence.name}: {_cut(evidence.text)}"))
        case Chart():
            yield Text(visible(f"{evidence.name}: a chart, drawn in the HTML report"), "dim")
        case Bars() | Layers():
            yield from stacked(evidence, width)
        case _:
            assert_never(evidence)


def _cut(text: str) -> str:
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[:QUOTED_CHARACTERS]} …"


def _series(series: Series) -> Text:
    finite = finite_points(series)
    if not finite:
        return Text(visible(f"{words.series_name(series)}: no finite value"))
    (first, at_first), (last, at_last) = finite[0], finite[-1]
    low_step, low = min(finite, key=lambda point: point[1])
    text = Text(visible(f"{words.series_name(series)} "))
    text.append(_spark([value for _, value in finite]), "blue")
    text.append(f" {figure(at_first)} at step {first:,}, {figure(at_last)} at step {last:,}")
    if low_step not in {first, last}:
        text.append(f", lowest {figure(low)} at step {low_step:,}")
    lost = len(series.values) - len(finite)
    if lost:
        text.append(f", {counted(lost, 'value')} not finite", "bold red")
    for mark in series.marks[:CONFUSIONS_SHOWN]:
        text.append(f"; step {mark.step:,}: {visible(mark.text)}", "dim")
    return text


def together(series: Sequence[Series]) -> Iterator[Text]:
    """Curves of several runs, a metric after the other, drawn to one scale each."""
    named: dict[str, list[Series]] = {}
    for one in series:
        named.setdefault(one.name, []).append(one)
    for name, curves in named.items():
        yield Text(visible(name), "bold")
        points = [[value for _, value in finite_points(one)] for one in curves]
        every = [value for values in points for value in values]
        ends = (min(every), max(every)) if every else (0.0, 0.0)
        room = max(cell_len(visible(one.of)) for one in curves[:RUNS_SHOWN])
        width = max(min(SPARK_WIDTH, len(values)) for values in points)
        for one, values in list(zip(curves, points, strict=True))[:RUNS_SHOWN]:
            text = Text(set_cell_size(visible(one.of), room) + "  ")
            if not values:
                yield text.append("no finite value", "bold red")
                continue
            text.append(set_cell_size(_spark(values, ends), width), "blue")
            text.append(f"  {figure(values[0])} to {figure(values[-1])}")
            if len(values) < len(one.values):
                text.append(", not all finite", "bold red")
            yield text
        if len(curves) > RUNS_SHOWN:
            more = counted(len(curves) - RUNS_SHOWN, "more run")
            yield Text(f"and {more}, drawn in the HTML report", "dim")


def _spark(values: Sequence[float], ends: tuple[float, float] | None = None) -> str:
    size = min(SPARK_WIDTH, len(values))
    # The largest of each stretch, so that a spike of one step is seen.
    tops = [
        max(values[i * len(values) // size : (i + 1) * len(values) // size]) for i in range(size)
    ]
    low, high = ends or (min(tops), max(tops))
    span = (high - low) or 1.0
    return "".join(BARS[min(7, int(8 * ((top - low) / span)))] for top in tops)


def _table(table: Table, width: int, shown: int, lines: int) -> Iterator[Text]:
    cells = [[visible(name) for name in table.columns]]
    cells += [[_cell(value) for value in row] for row in table.rows[:shown]]
    columns = max((len(row) for row in cells), default=0)
    if not columns:
        return
    cells = [row + [""] * (columns - len(row)) for row in cells]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(columns)]
    while sum(widths) + 2 * (columns - 1) > width and max(widths) > NARROWEST_COLUMN:
        widths[widths.index(max(widths))] -= 1
    wrapped = [
        [_wrapped(cell, size, lines) for cell, size in zip(row, widths, strict=True)]
        for row in cells
    ]
    widths = [
        min(size, max(cell_len(line) for row in wrapped for line in row[i]))
        for i, size in enumerate(widths)
    ]
    right = [
        all(isinstance(row[i], int | float) for row in table.rows if i < len(row))
        and bool(table.rows)
        for i in range(columns)
    ]
    for number, parts in enumerate(wrapped):
        for level in range(max(map(len, parts))):
            line = "  ".join(
                _fit(part[level] if level < len(part) else "", size, right=side)
                for part, size, side in zip(parts, widths, right, strict=True)
            )
            yield Text(line.rstrip(), "dim" if number == 0 else "")
    rest = table.total - min(len(table.rows), shown)
    if rest > 0:
        yield Text(f"and {counted(rest, 'more row')}", "dim")


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    return visible(value) if isinstance(value, str) else figure(value)


def _wrapped(cell: str, width: int, lines: int) -> list[str]:
    """The cell on at most `lines` lines: a bracket begins one of its own where that helps."""
    if cell_len(cell) <= width or lines == 1:
        return [cell]
    before, bracket, after = cell.rpartition(" (")
    if bracket and cell_len(before) <= width:
        return [before, *_wrapped(f"({after}", width, lines - 1)]
    first, *others = cell.split(" ")
    while others and cell_len(f"{first} {others[0]}") <= width:
        first = f"{first} {others.pop(0)}"
    return [first, *_wrapped(" ".join(others), width, lines - 1)] if others else [first]


def _fit(text: str, width: int, *, right: bool) -> str:
    if cell_len(text) > width:
        return set_cell_size(text, max(width - 1, 0)) + "…"
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)


def _matrix(matrix: Matrix) -> Iterator[Text]:
    worst = confusions(matrix)
    if not worst:
        yield Text(visible(f"{matrix.name}: no confusion"))
        return
    yield Text(visible(f"{matrix.name}, most confused:"))
    for true, predicted, count, total in worst[:CONFUSIONS_SHOWN]:
        share = f" of {total:,}" if total else ""
        yield Text(visible(f"  {true} taken for {predicted}: {count:,}{share}"))


def _tokens(tokens: Tokens, shown: int) -> Text:
    """The tokens, those that are not trained in brackets. Of many the first and the last are shown.

    The end tells whether the model learns to stop, so it is never cut off.
    """
    pairs = list(zip(tokens.pieces, tokens.trained, strict=False))
    trained = sum(tokens.trained)
    others = ", the others in brackets" if 0 < trained < len(pairs) else ""
    text = Text(visible(f"{tokens.name} ({trained:,} of {len(pairs):,} trained{others}): "))
    left_out = len(pairs) - shown
    if left_out <= 0:
        return _runs(text, pairs)
    first = shown - shown // 3
    _runs(text, pairs[:first])
    text.append(f" … {left_out:,} more … ", "dim")
    return _runs(text, pairs[-(shown - first) :])


def _runs(text: Text, pairs: Sequence[tuple[str, bool]]) -> Text:
    for trained, run in itertools.groupby(pairs, key=lambda pair: pair[1]):
        said = " ".join(
            _repeated(piece, sum(1 for _ in same))
            for piece, same in itertools.groupby(_piece(piece) for piece, _ in run)
        )
        # Brackets say "not trained" where there is no colour to say it.
        text.append(said if trained else f"[{said}]", "green" if trained else "dim")
        text.append(" ")
    return text


def _piece(piece: str) -> str:
    """A token as it is shown: its own spaces can be told from those between tokens."""
    return visible(piece).replace(" ", "·")


def _repeated(piece: str, times: int) -> str:
    if times >= REPEATS_FOLDED:
        return f"{piece} ×{times:,}"  # noqa: RUF001  the sign of multiplication
    return " ".join([piece] * times)
