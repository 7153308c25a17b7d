"""The two sides of preference pairs, and how long texts are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Parts, Role, RowTexts, Texts

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The answers of n preference pairs: the same entry of each belongs to the same row.

    `chosen` and `rejected` are columns of texts, `chosen_part` and `rejected_part` (int64) count
    the row's parts as a `SetText` does, `chosen_length` and `rejected_length` (int64) are numbers
    of characters.
    """

    chosen: Texts
    rejected: Texts
    chosen_part: Ints
    rejected_part: Ints
    chosen_length: Ints
    rejected_length: Ints

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.chosen_part)


@fact
def sides(split: Split) -> Sides:
    """Both answers of every row of preference data."""
    known = parts(split)
    first, second = (
        np.flatnonzero(known.role == int(role)) for role in (Role.CHOSEN, Role.REJECTED)
    )
    chosen, rejected = known.texts.take(first), known.texts.take(second)
    return Sides(
        chosen=chosen,
        rejected=rejected,
        chosen_part=first - known.start[:-1],
        rejected_part=second - known.start[:-1],
        chosen_length=lengths(chosen),
        rejected_length=lengths(rejected),
    )


@fact
def contexts(split: Split) -> RowTexts:
    """What both answers of every row reply to: the row without its two answers."""
    known = parts(split)
    keep = ~np.isin(known.role, [int(Role.CHOSEN), int(Role.REJECTED)])
    at = np.flatnonzero(keep)
    counts = np.bincount(known.row[at], minlength=known.rows)
    start = np.concatenate(([0], np.cumsum(counts)))
    return RowTexts(Parts(known.texts.take(at), known.role[at], start))


def lengths(texts: Texts) -> Ints:
    """Characters of each text."""
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    counted = pc.utf8_length(texts.column).combine_chunks().to_numpy(zero_copy_only=False)
    return np.asarray(counted, dtype=np.int64)


def blank(texts: Texts) -> NDArray[np.bool_]:
    """Whether each text is empty or white space alone."""
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    trimmed = lengths(Texts(pc.utf8_trim_whitespace(texts.column)))
    return np.asarray(trimmed == 0)
