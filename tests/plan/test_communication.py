"""Tests of the seconds that GPUs exchange weights and gradients."""

from __future__ import annotations

import msgspec
import pytest

from tunewell.knowledge import gpus
from tunewell.plan.communication import CROSSINGS, communication_seconds

H100 = gpus.resolve("H100").gpu
RTX = gpus.resolve("RTX 4090").gpu
GB = 1e9


def test_an_all_reduce_by_hand() -> None:
    """8 GPUs, 16 GB of gradients: 2 * 7/8 * 16 = 28 GB over 450 GB/s at 90, 75 and 60 %."""
    found = communication_seconds("ddp", 16 * GB, 16 * GB, 8, H100)
    assert found.low == pytest.approx(28 / (450 * 0.9))
    assert found.alone == found.likely == pytest.approx(28 / (450 * 0.75))
    assert found.high == pytest.approx(28 / (450 * 0.6))
    assert "28.00 GB" in found.basis
    assert "NVLink" in found.basis


@pytest.mark.parametrize("strategy", CROSSINGS)
def test_one_gpu_exchanges_nothing(strategy: str) -> None:
    found = communication_seconds(strategy, GB, GB, 1, H100)  # type: ignore[arg-type]  # a parameter
    assert (found.low, found.likely, found.high) == (0, 0, 0)


@pytest.mark.parametrize("strategy", [name for name in CROSSINGS if name != "single"])
def test_the_range_holds_what_is_likely(strategy: str) -> None:
    """Whatever is beside it; and hiding never makes it longer."""
    before = None
    for beside in (0.0, 0.01, 0.1, 1.0, 100.0):
        found = communication_seconds(
            strategy,  # type: ignore[arg-type]  # a parameter
            14 * GB,
            14 * GB,
            4,
            RTX,
            beside_seconds=beside,
        )
        assert 0 <= found.low <= found.likely <= found.high
        assert before is None or (found.low <= before.low and found.likely <= before.likely)
        before = found
    assert before is not None
    assert before.low == 0


def test_sharded_weights_cross_once_more() -> None:
    """ZeRO-3 moves half as much again as data parallel (Rajbhandari et al. 2020)."""
    apart = communication_seconds("ddp", GB, GB, 8, H100)
    sharded = communication_seconds("zero3", GB, GB, 8, H100)
    assert sharded.alone == pytest.approx(1.5 * apart.alone)


def test_only_data_parallel_waits_for_the_last_micro_batch() -> None:
    """Accumulation costs DDP nothing, FSDP everything again, ZeRO-2 its gradients again."""
    once = {s: communication_seconds(s, GB, GB, 8, H100).alone for s in CROSSINGS}
    four = {s: communication_seconds(s, GB, GB, 8, H100, accumulation=4).alone for s in CROSSINGS}
    assert four["ddp"] == once["ddp"]
    assert four["fsdp"] == pytest.approx(4 * once["fsdp"])
    assert four["zero2"] == pytest.approx(2.5 * once["zero2"])


def test_adapters_leave_little_to_reduce() -> None:
    full = communication_seconds("ddp", 14 * GB, 14 * GB, 2, RTX)
    adapters = communication_seconds("ddp", 14 * GB, 0.04 * GB, 2, RTX)
    assert adapters.high < full.low / 100


def test_a_faster_link_is_never_slower() -> None:
    faster = msgspec.structs.replace(RTX, link_gb_s=2 * RTX.link_gb_s)
    slow = communication_seconds("fsdp", GB, GB, 2, RTX, beside_seconds=0.02)
    fast = communication_seconds("fsdp", GB, GB, 2, faster, beside_seconds=0.02)
    assert fast.low <= slow.low
    assert fast.likely < slow.likely
    assert fast.high < slow.high
