"""Moves that follow from how long the rows are: cutting them, and packing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewell.core.finding import Safety
from tunewell.plan.moves import steps
from tunewell.plan.moves.catalogue import COUNTED, NOTHING, PER_ROW
from tunewell.plan.moves.move import Cost, Move
from tunewell.plan.paddings import mean_padded_length
from tunewell.plan.step import Step

MULTIPLE = 64
"""Lengths are cut at a multiple of this, which suits the tiles of matrix units."""

LOST = 0.05
"""The largest share of all tokens that is proposed to be cut. A choice, not a finding: which tokens
may go only the user knows, so that cutting is never done without being asked for."""


def shorter_rows(lengths: Sequence[int] | NDArray[np.int64], *, lost: float = LOST) -> Move | None:
    """Rows cut at a shorter length, at which at most a share of all tokens is lost.

    Args:
        lengths: tokens of each row, uncut.
        lost: the largest share of tokens that may be cut, 0 to 1.

    Returns:
        The move with the shares that it cuts; None without rows.
    """
    rows = np.asarray(lengths, dtype=np.int64)
    if not len(rows):
        return None
    total = int(rows.sum())
    candidates = range(MULTIPLE, int(rows.max()) + MULTIPLE, MULTIPLE)
    at = next(n for n in candidates if int((rows - n).clip(min=0).sum()) <= lost * total)
    tokens = int((rows - at).clip(min=0).sum()) / total
    cut = float((rows > at).mean())

    def change(step: Step) -> Step | None:
        return steps.shorter(step, at)

    return Move(
        id="shorter-rows",
        title=f"rows of at most {at:,} tokens",
        when="rows are longer than most of the data needs",
        speed=Cost("faster: fewer tokens, and attention grows with their square", COUNTED),
        quality=NOTHING
        if not cut
        else Cost(
            f"{100 * tokens:.1f} % of the tokens are cut, from the ends of {100 * cut:.1f} % of "
            "the rows: what stands there is not learned",
            "counted in the data",
        ),
        safety=Safety.UNSAFE if cut else Safety.SAFE,
        attacks=PER_ROW,
        change=change,
    )


def packing(lengths: Sequence[int] | NDArray[np.int64], *, batch: int) -> Move | None:
    """Several rows in one, without padding.

    Args:
        lengths: tokens of each row, cut as in training.
        batch: rows that are padded to the longest of them.

    Returns:
        The move with the share of padding that it spares; None without rows or without padding.
    """
    share = padding_share(lengths, batch=batch)
    if not share:
        return None
    return Move(
        id="packing",
        title="pack rows together instead of padding them",
        when="rows of a language model differ in length, and attention keeps packed rows apart",
        speed=Cost(
            f"faster: {100 * share:.0f} % of the tokens of a batch are padding",
            "counted in the data",
        ),
        quality=Cost(
            "a step learns from more rows and there are fewer steps: the learning rate and the "
            "number of epochs are to be looked at again",
            "arXiv 2107.02027",
        ),
        safety=Safety.UNSAFE,
        attacks=frozenset(),
        change=steps.unpadded,
    )


def padding_share(lengths: Sequence[int] | NDArray[np.int64], *, batch: int) -> float:
    """The share of a batch's tokens that is padding, where rows are drawn at random."""
    rows = np.asarray(lengths, dtype=np.int64)
    if not len(rows) or batch < 1 or not rows.max():
        return 0.0
    return 1.0 - float(rows.mean()) / mean_padded_length(rows, batch)
