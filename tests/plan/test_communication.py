"""Tests of the seconds that GPUs exchange weights and gradients."""

from __future__ import annotations

import msgspec
import pytest

from tunewell.knowledge import gpus
from tunewell.plan.communication import communication_seconds

H100 = gpus.resolve("H100").gpu
RTX = gpus.resolve("RTX 4090").gpu
GB = 1e9


def test_an_exchange_by_hand() -> None:
    """28 GB, an all-reduce of 16 GB over 8 GPUs, over 450 GB/s at 90, 75 and 60 %."""
    found = communication_seconds(28 * GB, H100)
    assert found.low == pytest.approx(28 / (450 * 0.9))
    assert found.alone == found.likely == pytest.approx(28 / (450 * 0.75))
    assert found.high == pytest.approx(28 / (450 * 0.6))
    assert "28.00 GB" in found.basis
    assert "NVLink" in found.basis


def test_nothing_exchanged_takes_no_time() -> None:
    found = communication_seconds(0, H100)
    assert (found.low, found.likely, found.high) == (0, 0, 0)


def test_the_range_holds_what_is_likely() -> None:
    """Whatever is beside it; and hiding never makes it longer."""
    before = None
    for beside in (0.0, 0.01, 0.1, 1.0, 100.0):
        found = communication_seconds(14 * GB, RTX, beside_seconds=beside)
        assert 0 <= found.low <= found.likely <= found.high
        assert before is None or (found.low <= before.low and found.likely <= before.likely)
        before = found
    assert before is not None
    assert before.low == 0


def test_a_faster_link_is_never_slower() -> None:
    faster = msgspec.structs.replace(RTX, link_gb_s=2 * RTX.link_gb_s)
    slow = communication_seconds(GB, RTX, beside_seconds=0.02)
    fast = communication_seconds(GB, faster, beside_seconds=0.02)
    assert fast.low <= slow.low
    assert fast.likely < slow.likely
    assert fast.high < slow.high
