"""A stretch of text that should not be shown: a secret, or a datum about a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Sensitive:
    """Characters `start` to `end` of a text are of this kind.

    `sure` says that the format itself leaves no doubt: a checksum holds, or a prefix that nothing
    else has. `example` says that it is nobody's own: a placeholder, a value that
    documentation uses, the address or number of a firm.
    """

    start: int
    end: int
    kind: str
    sure: bool = False
    example: bool = False


def apart(found: Iterable[Sensitive]) -> list[Sensitive]:
    """The stretches in order without overlaps: the earlier, and of two the longer, stays."""
    kept: list[Sensitive] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end, not one.sure)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def digits_of(text: str) -> str:
    """The digits of a text alone."""
    return "".join(filter(str.isdigit, text))
