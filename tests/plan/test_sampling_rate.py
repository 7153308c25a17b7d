"""Tests of the rate at which a machine gets through a sample."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tunewell.plan.sampling_rate import rate_of


class Worker:
    """Takes a given time a row on its own clock."""

    def __init__(self, each: float, first: float = 0.0) -> None:
        self.now = 0.0
        self.each = each
        self.first = first
        self.parts: list[Sequence[int]] = []

    def __call__(self, rows: Sequence[int]) -> None:
        """Work on rows."""
        self.now += len(rows) * self.each + (self.first if not self.parts else 0.0)
        self.parts.append(rows)

    def clock(self) -> float:
        """Seconds worked so far."""
        return self.now


def test_it_finds_the_rate_and_stops_in_time() -> None:
    worker = Worker(0.001, first=0.2)
    rate = rate_of(worker, range(100_000), clock=worker.clock)
    assert rate is not None
    assert (rate.low, rate.likely, rate.high) == pytest.approx((0.001, 0.001, 0.001))
    assert 1.0 <= worker.now < 1.6
    assert rate.seconds(1000) == pytest.approx((1.0, 1.0, 1.0))


def test_the_sample_is_spread_over_all_rows() -> None:
    """Rows that lie sorted by length must not be read from one end."""
    worker = Worker(0.01)
    rate_of(worker, range(1000), clock=worker.clock)
    assert max(worker.parts[0]) - min(worker.parts[0]) > 800


def test_a_slow_row_is_enough() -> None:
    worker = Worker(5.0)
    rate = rate_of(worker, range(3), clock=worker.clock)
    assert rate is not None
    assert len(worker.parts) == 1
    assert rate.likely == pytest.approx(5.0)


def test_nothing_has_no_rate() -> None:
    worker = Worker(1.0)
    assert rate_of(worker, [], clock=worker.clock) is None
