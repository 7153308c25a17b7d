"""The parts that a check flags, split by split, and what a finding says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tunewell.core.finding import DropRows, Fix, Number, Row, Safety, Table
from tunewell.core.words import counted
from tunewell.facts.parts import parts, places
from tunewell.facts.scan import rows_of
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import ASKED, Role

Ints = NDArray[np.int64]

TOLD = ASKED | {Role.SYSTEM}
EXAMPLES = 5
SHOWN_CHARACTERS = 160
LEAD = 24
"""Characters before the fault: a terminal shows about 50 in all."""


@dataclass(frozen=True)
class Flagged:
    """Parts of rows that something is wrong with.

    `parts` holds, for each split, the numbers of its flagged parts, in order and each once.
    """

    splits: Sequence[Split]
    parts: Sequence[Ints]

    @cached_property
    def rows(self) -> Sequence[Ints]:
        """For each split the rows of its flagged parts, in order and each once."""
        return [rows_of(split, at) for split, at in zip(self.splits, self.parts, strict=True)]

    @property
    def count(self) -> int:
        """Number of flagged rows in all splits."""
        return sum(len(rows) for rows in self.rows)

    @property
    def total(self) -> int:
        """Number of rows in all splits."""
        return sum(len(split) for split in self.splits)

    @property
    def share(self) -> float:
        """Flagged rows as a share of all rows, 0 to 1."""
        return self.count / max(1, self.total)

    @property
    def of_all(self) -> str:
        """For a message: "3 of 2,000 rows (0.15 %)"."""
        share = 100 * self.share
        digits = f"{share:.2g}" if share < 10 else f"{share:.0f}"  # noqa: PLR2004  1.5 %, 15 %
        return f"{self.count:,} of {counted(self.total, 'row')} ({digits} %)"

    @property
    def where(self) -> tuple[Row, ...]:
        """The flagged rows of every split."""
        return tuple(
            place
            for split, rows in zip(self.splits, self.rows, strict=True)
            for place in places(split, rows)
        )

    def of(self, roles: frozenset[Role]) -> Flagged:
        """The flagged parts with one of these roles."""
        wanted = [int(role) for role in roles]
        kept = [
            at[np.isin(parts(split).role[at], wanted)]
            for split, at in zip(self.splits, self.parts, strict=True)
        ]
        return Flagged(self.splits, kept)

    def without(self, other: Flagged) -> Flagged:
        """The flagged parts that `other` does not hold."""
        kept = [np.setdiff1d(a, b) for a, b in zip(self.parts, other.parts, strict=True)]
        return Flagged(self.splits, kept)

    def number(self, name: str, bound: str) -> Number:
        """The share of flagged rows beside its bound."""
        return Number(name=name, value=100 * self.share, unit="%", bound=bound)

    def examples(self, name: str, locate: Callable[[str], int] | None = None) -> Table:
        """The first flagged parts of each split; `locate` says where in a text the fault is."""
        shown: list[tuple[str | float | int | None, ...]] = []
        for split, at in zip(self.splits, self.parts, strict=True):
            known = parts(split)
            for part in at[:EXAMPLES].tolist():
                row = int(rows_of(split, np.array([part]))[0])
                text = known.texts[part]
                place = locate(text) if locate is not None else 0
                role = Role(int(known.role[part])).word
                shown.append((split.name, int(split.lines[row]), role, excerpt(text, place)))
        return Table(
            name=name,
            columns=("split", "line", "part", "text"),
            rows=tuple(shown[:EXAMPLES]),
            total=sum(len(at) for at in self.parts),
        )

    def drop(self, what: str) -> Fix:
        """The fix that leaves the flagged rows out; `what` names one of them, as in "empty row"."""
        edits = tuple(
            DropRows(split=split.name, rows=tuple(rows.tolist()))
            for split, rows in zip(self.splits, self.rows, strict=True)
            if len(rows)
        )
        return Fix(title=f"drop {counted(self.count, what)}", safety=Safety.UNSAFE, edits=edits)


def flag(dataset: Dataset, find: Callable[[Split], Ints]) -> Flagged:
    """What `find` flags in every split."""
    return Flagged(dataset.splits, [np.unique(find(split)) for split in dataset.splits])


def joined(*several: Flagged) -> Flagged:
    """What any of them holds; all of the same splits."""
    every = zip(*(one.parts for one in several), strict=True)
    return Flagged(several[0].splits, [np.unique(np.concatenate(parts_of)) for parts_of in every])


def asked(split: Split, part: int, roles: frozenset[Role] = TOLD) -> str:
    """All that the row of this part asks for: its system messages, prompts and inputs."""
    known = parts(split)
    row = int(np.searchsorted(known.start, part, side="right")) - 1
    return "\n".join(text for role, text in known.of_row(row) if role in roles)


def unless_asked(
    split: Split, at: Ints, talk: re.Pattern[str], roles: frozenset[Role] = TOLD
) -> Ints:
    """Those of the parts whose row does not speak of `talk`: what is asked for is no fault."""
    kept = [part for part in at.tolist() if not talk.search(asked(split, part, roles))]
    return np.array(kept, dtype=np.int64)


def excerpt(text: str, place: int = 0) -> str:
    """At most `SHOWN_CHARACTERS` of a text, with a little of what stands before `place`."""
    low = 0 if place < LEAD else place - LEAD // 2
    piece = text[low : low + SHOWN_CHARACTERS]
    return ("…" if low else "") + piece + ("…" if low + len(piece) < len(text) else "")
