"""The texts of every row, part by part: who says what, in one column of Arrow memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

TEXTS_AT_ONCE = 4096
SEPARATOR = "\n\n"


class Role(IntEnum):
    """What a part of a row is to the model. The numbers are kept in an int8 column."""

    TEXT = 0
    """What is classified, tagged, compared or, alone, learned as it stands."""
    SECOND = 1
    """The other text of a pair; the positive one of a triple."""
    NEGATIVE = 2
    """A text of a triple that is to be far away."""
    SYSTEM = 3
    PROMPT = 4
    """What a user says: a prompt, an instruction, a question."""
    INPUT = 5
    """What an instruction is about, in a column of its own."""
    ANSWER = 6
    """What the model is to say: a completion, an output, an assistant's turn."""
    CHOSEN = 7
    REJECTED = 8
    TOOL_CALL = 9
    """A call that the assistant makes, as JSON."""
    TOOL = 10
    """What a tool gives back, or the list of tools."""
    OTHER = 11
    """A turn of a role that no template knows."""

    @property
    def word(self) -> str:
        """How a person calls it."""
        return "text" if self is Role.TEXT else self.name.lower().replace("_", " ")


LEARNED = frozenset({Role.ANSWER, Role.CHOSEN, Role.TOOL_CALL})
"""Roles whose text a language model is trained to write."""

ASKED = frozenset({Role.PROMPT, Role.INPUT})
"""Roles whose text says what is wanted."""


class Texts(Sequence[str]):
    """A column of texts in Arrow memory that reads like a sequence of strings.

    Only what is looked at becomes a Python string.
    """

    def __init__(self, column: Any) -> None:  # noqa: ANN401  pyarrow has no types
        """Wrap a `pyarrow.ChunkedArray` of large strings without nulls."""
        self.column = column

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """The same texts in Arrow memory; a lone surrogate becomes a question mark."""
        import pyarrow as pa  # noqa: PLC0415  0.15 s that --help need not wait for

        if isinstance(texts, Texts):
            return texts
        chunks = [
            _arrow(texts[low : low + TEXTS_AT_ONCE]) for low in range(0, len(texts), TEXTS_AT_ONCE)
        ]
        return cls(pa.chunked_array(chunks, type=pa.large_string()))

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.column)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        """One text, or a list of several."""
        if isinstance(at, slice):
            low, high, step = at.indices(len(self))
            if step == 1:
                return self.column.slice(low, max(0, high - low)).to_pylist()  # type: ignore[no-any-return]
            return [self[i] for i in range(low, high, step)]
        return self.column[int(at)].as_py()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        """Every text, a few thousand at a time."""
        for low in range(0, len(self), TEXTS_AT_ONCE):
            yield from self.column.slice(low, TEXTS_AT_ONCE).to_pylist()

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Texts:
        """The texts at these places, in that order."""
        import pyarrow as pa  # noqa: PLC0415

        return Texts(self.column.take(pa.array(np.asarray(rows, dtype=np.int64))))

    def replaced(self, new: Mapping[int, str]) -> Texts:
        """The texts with some of them replaced."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        places = sorted(new)
        mask = np.zeros(len(self), dtype=bool)
        mask[places] = True
        values = pa.array([new[place] for place in places], type=pa.large_string())
        whole = pa.concat_arrays(self.column.chunks) if len(self) else self.column
        return Texts(pa.chunked_array([pc.replace_with_mask(whole, pa.array(mask), values)]))


def _arrow(texts: Sequence[str]) -> Any:  # noqa: ANN401
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.array(texts, type=pa.large_string())
    except UnicodeEncodeError:
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        return pa.array(clean, type=pa.large_string())


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Parts:
    """The parts of all rows, one after the other.

    `texts` has one text a part, `role` (int8) its `Role`; the parts of row r are those from
    `start[r]` to `start[r + 1]`, so `start` (int64) has one more entry than there are rows.
    `opens` says of each part whether it begins a message; None where every part does.
    """

    texts: Texts
    role: NDArray[np.int8]
    start: NDArray[np.int64]
    opens: NDArray[np.bool_] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.start) - 1

    @property
    def row(self) -> NDArray[np.int64]:
        """The row of each part."""
        return np.repeat(np.arange(self.rows), np.diff(self.start))

    @property
    def whole_rows(self) -> Sequence[str]:
        """Each row as one text."""
        one_each = len(self.role) == self.rows and not (np.diff(self.start) != 1).any()
        return self.texts if one_each else RowTexts(self)

    def of_row(self, row: int) -> list[tuple[Role, str]]:
        """The parts of one row, in order."""
        low, high = int(self.start[row]), int(self.start[row + 1])
        roles = self.role[low:high].tolist()
        return [(Role(r), t) for r, t in zip(roles, self.texts[low:high], strict=True)]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Parts:
        """The parts of these rows, in that order."""
        chosen = np.asarray(rows, dtype=np.int64)
        counts = np.diff(self.start)[chosen]
        start = np.concatenate(([0], np.cumsum(counts)))
        at = (
            np.arange(start[-1])
            - np.repeat(start[:-1], counts)
            + np.repeat(self.start[chosen], counts)
        )
        opens = None if self.opens is None else self.opens[at]
        return Parts(self.texts.take(at), self.role[at], start, opens)

    def replaced(self, new: Mapping[int, str]) -> Parts:
        """The parts with the text of some (by number of the part) replaced."""
        return Parts(self.texts.replaced(new), self.role, self.start, self.opens)

    def without(self, gone: Collection[int]) -> Parts:
        """The rows without some of their parts, by number of the part."""
        keep = np.ones(len(self.role), dtype=np.bool_)
        keep[list(gone)] = False
        at = np.flatnonzero(keep)
        start = np.concatenate(([0], np.cumsum(keep)))[self.start]
        opens = None if self.opens is None else self.opens[at]
        return Parts(self.texts.take(at), self.role[at], start, opens)

    @classmethod
    def single(cls, texts: Sequence[str]) -> Parts:
        """Rows of one text each."""
        column = Texts.of(texts)
        return cls(column, np.zeros(len(column), dtype=np.int8), np.arange(len(column) + 1))


class RowTexts(Sequence[str]):
    """Each row as one text: its parts, with an empty line between them."""

    def __init__(self, parts: Parts) -> None:
        """Read the rows of `parts`."""
        self.parts = parts

    def __len__(self) -> int:
        """Number of rows."""
        return self.parts.rows

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        """One row's text, or a list of several."""
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        low, high = int(self.parts.start[at]), int(self.parts.start[at + 1])
        return _joined(self.parts.texts[low:high])

    def __iter__(self) -> Iterator[str]:
        """Every row's text, a few thousand at a time."""
        start = self.parts.start
        for low in range(0, len(self), TEXTS_AT_ONCE):
            high = min(low + TEXTS_AT_ONCE, len(self))
            first = int(start[low])
            texts = self.parts.texts[first : int(start[high])]
            for a, b in zip(
                start[low:high].tolist(), start[low + 1 : high + 1].tolist(), strict=True
            ):
                yield _joined(texts[a - first : b - first])


def _joined(texts: Sequence[str]) -> str:
    return SEPARATOR.join(text for text in texts if text)
