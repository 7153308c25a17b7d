"""How fast the user's own machine gets through a sample of their data: tokenising, collating."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tunewell.core.finding import Record

SECONDS = 1.0
"""A sample takes no longer than about this."""

FIRST_ROWS = 8
GROWTH = 2


class Rate(Record, frozen=True):
    """Seconds a row, of the slowest, the middle and the fastest part of the sample."""

    low: float
    likely: float
    high: float
    rows: int

    def seconds(self, rows: int) -> tuple[float, float, float]:
        """Low, likely and high seconds of so many rows."""
        return self.low * rows, self.likely * rows, self.high * rows


def rate_of(
    work: Callable[[Sequence[Any]], object],
    rows: Sequence[Any],
    *,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Rate | None:
    """Seconds a row that `work` takes on this machine.

    Parts of the rows, spread evenly over all of them, are worked on until `seconds` are over. The
    first part warms up what is built on first use and does not count, unless it is the only one.

    Args:
        work: tokenises, reads or collates the rows it is given.
        rows: of the data; a number that can be indexed.
        seconds: no further part is begun after so many.
        clock: seconds since some moment.

    Returns:
        None where there are no rows.
    """
    if not len(rows):
        return None
    began = clock()
    taken: list[tuple[float, int]] = []
    size = min(FIRST_ROWS, len(rows))
    while not taken or clock() - began < seconds:
        stride = max(1, len(rows) // size)
        offset = len(taken) % stride
        part = [rows[index] for index in range(offset, len(rows), stride)][:size]
        started = clock()
        work(part)
        taken.append((clock() - started, len(part)))
        if taken[-1][0] < seconds / (4 * GROWTH):
            size = min(GROWTH * size, len(rows))
    counted = taken[1:] or taken
    each = [used / count for used, count in counted]
    return Rate(
        low=min(each),
        likely=sum(used for used, _ in counted) / sum(count for _, count in counted),
        high=max(each),
        rows=sum(count for _, count in counted),
    )
