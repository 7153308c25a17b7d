"""The parts of a split's rows, whatever kind of data it is, and what checks ask of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.core.finding import Row
from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import ASKED, Parts, Role, RowTexts

Ints = NDArray[np.int64]

JUDGED = ASKED | {Role.TEXT, Role.SECOND}
"""Roles of the text that an example is about: what is asked or classified."""


@fact
def parts(split: Split) -> Parts:
    """The parts of the rows; a row of a single text has one part with the role TEXT."""
    return split.parts if split.parts is not None else Parts.single(split.texts)


@fact
def questions(split: Split) -> Sequence[str]:
    """What each row is about: the text, the pair, or all that a user asks, without the answers.

    Two rows with the same question and different answers are the same example to a person who asks
    whether evaluation rows were trained on.
    """
    if split.parts is None:
        return split.texts
    known = split.parts
    keep = np.isin(known.role, [int(role) for role in JUDGED])
    if not keep.any() or keep.all():
        return split.texts
    at = np.flatnonzero(keep)
    counts = np.bincount(known.row[at], minlength=known.rows)
    start = np.concatenate(([0], np.cumsum(counts)))
    return RowTexts(Parts(known.texts.take(at), known.role[at], start))


@fact
def of_roles(split: Split, roles: frozenset[Role]) -> Ints:
    """The numbers of the parts with one of these roles."""
    return np.flatnonzero(np.isin(parts(split).role, [int(role) for role in roles]))


def require_kind(dataset: Dataset, kinds: Collection[Kind]) -> None:
    """Stop a check that has nothing to look at in this kind of data.

    Raises:
        NotApplicableError: if the data is of another kind.
    """
    if dataset.kind not in kinds:
        listed = ", ".join(sorted(kinds))
        reason = f"the data is {dataset.kind}; this is about {listed}"
        raise NotApplicableError(reason)


def require_judged(dataset: Dataset) -> None:
    """Stop a check that compares training rows with those that judge the model.

    Raises:
        NotRunError: if there are none.
    """
    if len(dataset.splits) == 1:
        reason = "pass the rows that judge the model: --eval FILE or --test FILE"
        raise NotRunError(reason)


def places(split: Split, rows: Sequence[int] | Ints) -> tuple[Row, ...]:
    """Where these rows stand."""
    return tuple(
        Row(split=split.name, index=row, file=split.file(row), line=int(split.lines[row]))
        for row in map(int, rows)
    )
