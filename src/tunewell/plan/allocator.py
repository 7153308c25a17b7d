"""PyTorch's CUDA caching allocator, replayed: what it takes from the driver for given requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replay:
    """Bytes at the peaks, and by mark.

    `allocated` counts rounded blocks, as `torch.cuda.max_memory_allocated`, `reserved` segments, as
    `torch.cuda.max_memory_reserved`. `at_marks` has both peaks of each stretch of events that a
    mark begins.
    """

    allocated: int
    reserved: int
    at_marks: tuple[tuple[int, int], ...]


class OutOfCapacityError(Exception):
    """The requests do not fit, even after cached segments were given back."""


def replay(
    events: Sequence[tuple[int, int]],
    *,
    marks: Sequence[int] = (),
    capacity: int | None = None,
    expandable: bool = False,
) -> Replay:
    """Replay requests through a model of the allocator.

    Args:
        events: (id, bytes) for a request, (id, -bytes) when that one is freed.
        marks: places in `events`, ascending, where a phase begins.
        capacity: most bytes of segments; None without a limit.
        expandable: with `expandable_segments:True`.

    Raises:
        OutOfCapacityError: if the requests do not fit in the capacity.
    """
    raise NotImplementedError


def smallest_capacity(events: Sequence[tuple[int, int]], *, expandable: bool = False) -> int:
    """The least capacity, in steps of 2 MiB, with which the requests fit."""
    raise NotImplementedError
