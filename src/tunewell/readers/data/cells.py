"""What the cells of a column hold, judged by a sample of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

CELLS_LOOKED_AT = 2000
MOST = 0.5
"""Share of the filled cells that must be of a type for the column to count as that."""

LONG_ANSWER = 40
"""Characters an answer has on average where the column is written text. Class names of the data
sets at hand average at most 24."""

FEWEST_ROWS = 20
VARIED = 0.5
"""Share of different values, among at least `FEWEST_ROWS`, above which a column is written text
and no classes."""


def sampled(cells: Sequence[object]) -> list[object]:
    """Cells taken evenly from a column."""
    step = max(1, len(cells) // CELLS_LOOKED_AT)
    return [cells[at] for at in range(0, len(cells), step)]


def filled(cells: Sequence[object]) -> list[object]:
    """The cells that hold something."""
    return [cell for cell in cells if cell is not None and cell not in ("", [], {})]


def share(cells: Sequence[object], holds: Callable[[object], bool]) -> float:
    """The share of the filled cells for which something holds."""
    held = filled(cells)
    return sum(map(holds, held)) / len(held) if held else 0.0


def is_words(cell: object) -> bool:
    """Whether a cell is a list of words."""
    return isinstance(cell, list) and all(isinstance(word, str) for word in cell)


def are_texts(cells: Sequence[object], *, empty: bool = False) -> bool:
    """Whether most cells are texts; `empty` is the answer where none is filled."""
    return empty if not filled(cells) else share(cells, lambda cell: isinstance(cell, str)) > MOST


def could_be_classes(cells: Sequence[object]) -> bool:
    """Whether a column could hold classes: numbers or short texts that come again."""
    held = [cell for cell in filled(cells) if isinstance(cell, str | int | float)]
    return bool(held) and not are_written(cells)


def are_written(cells: Sequence[object], least: int | None = None) -> bool:
    """Whether a column holds written text: long, or a different one in most rows.

    With `least`, only whether texts have so many characters on average.
    """
    texts = [cell for cell in filled(cells) if isinstance(cell, str)]
    if not texts or 2 * len(texts) < len(filled(cells)):
        return False
    mean = sum(map(len, texts)) / len(texts)
    if least is not None:
        return mean >= least
    return mean >= LONG_ANSWER or (
        len(texts) >= FEWEST_ROWS and len(set(texts)) > VARIED * len(texts)
    )


def are_booleans(cells: Sequence[object]) -> bool:
    """Whether most cells are true or false."""

    def truth(cell: object) -> bool:
        return isinstance(cell, bool) or (
            isinstance(cell, str) and cell.strip().lower() in {"true", "false"}
        )

    return share(cells, truth) > MOST
