"""Which ways of sharing there are, and the fewest GPUs with which each fits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tunewell.plan.sharding import (
    COUNTS,
    NCCL_BYTES,
    NCCL_PAIR_BYTES,
    Shared,
    fewest,
    layouts,
    nccl_bytes,
    on_gpus,
)
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import LowRank, Sharding, Step
from tunewell.plan.verdict import FAILS_UNDER, FITS_FROM

GIB = 1024**3
STEP = Step({"model_type": "llama"})
PARTS = {"ddp": 0.0, "zero1": 0.5, "zero2": 0.7, "zero3": 1.0, "fsdp": 1.0, "fsdp-hybrid": 1.0}
"""Shares of the memory of this file's model that a way divides."""


class Counting:
    """A simulation by arithmetic: 64 GiB, a part of them divided, 4 GiB of them activations."""

    def __init__(self, *, fails: frozenset[str] = frozenset()) -> None:
        self.fails = fails
        self.asked: list[list[Sharding]] = []

    def __call__(self, steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        """One answer a step."""
        self.asked.append([step.sharding for step in steps if step.sharding is not None])
        return [self.one(step) for step in steps]

    def one(self, step: Step) -> Simulated | NotSimulated:
        """The answer for one step."""
        way = step.sharding
        assert way is not None
        if way.strategy in self.fails:
            return NotSimulated(reason="not known")
        part = PARTS[way.strategy]
        here = int(60 * GIB * (1 - part + part / way.shards)) + 4 * GIB
        host = 0
        if way.offload != "none":
            host, here = here // 2, here // 2
        return Simulated(
            peak_allocated=here - GIB,
            peak_reserved=here,
            smallest_capacity=here - GIB // 2,
            peak_phase="backward",
            phases=(),
            holders=(),
            moments=(),
            work=(),
            parameters=1,
            trainable=1,
            steady=1,
            attention_kernels={},
            host_bytes=host,
            moved_bytes=way.ranks - 1,
        )


def named(rows: Sequence[Shared]) -> dict[tuple[str, str], Shared]:
    return {(row.sharding.strategy, row.sharding.offload): row for row in rows}


def test_one_gpu_is_left_with_offloading() -> None:
    assert {way.offload for way in layouts(STEP, 1)} == {"optimizer", "parameters"}


def test_hybrid_sharding_takes_several_machines() -> None:
    assert "fsdp-hybrid" not in {way.strategy for way in layouts(STEP, 8)}
    hybrid = next(way for way in layouts(STEP, 16) if way.strategy == "fsdp-hybrid")
    assert (hybrid.nodes, hybrid.shards) == (2, 8)
    # Twelve GPUs on machines of eight cannot be split evenly by one machine and a half.
    assert all(way.nodes == 2 for way in layouts(STEP, 12))


def test_packed_weights_are_not_shared_out() -> None:
    packed = Step({"model_type": "llama"}, quantization="nf4", adapter=LowRank())
    assert {way.strategy for way in layouts(packed, 4)} == {"ddp", "zero1", "zero2"}


def test_nccl_takes_its_part_of_the_capacity() -> None:
    assert (nccl_bytes(1), nccl_bytes(2), nccl_bytes(3)) == (0, NCCL_PAIR_BYTES, NCCL_BYTES)
    simulate = Counting()
    needed = 34 * GIB
    enough = round(needed * FITS_FROM) + NCCL_PAIR_BYTES
    least = round((needed - GIB // 2) * FAILS_UNDER) + NCCL_PAIR_BYTES
    verdicts = [
        named(on_gpus(STEP, 2, capacity, simulate))["fsdp", "none"].verdict
        for capacity in (enough + 1, enough - 1, least + 1, least - 1)
    ]
    assert verdicts == ["fits", "tight", "tight", "does-not-fit"]


def test_every_way_is_tried_on_the_same_step() -> None:
    rows = on_gpus(STEP, 4, 80 * GIB, Counting())
    assert [row.sharding for row in rows] == list(layouts(STEP, 4))
    # The launch files set overlap_comm.
    assert {row.sharding.strategy for row in rows if row.sharding.overlap} == {"zero1", "zero2"}
    row = named(rows)["zero3", "parameters"]
    assert row.host_bytes == 4 * (19 * GIB // 2)
    assert row.simulated.moved_bytes == 3


def test_what_cannot_be_simulated_is_left_out() -> None:
    rows = on_gpus(STEP, 4, 80 * GIB, Counting(fails=frozenset({"zero3"})))
    assert "zero3" not in {row.sharding.strategy for row in rows}
    rows = fewest(STEP, 20 * GIB, Counting(fails=frozenset({"zero3"})))
    assert "zero3" not in {row.sharding.strategy for row in rows}


@pytest.mark.parametrize("gib", [6, 9, 12, 20, 30, 40, 50, 70])
def test_the_fewest_gpus_are_those_that_a_look_at_all_counts_finds(gib: int) -> None:
    simulate = Counting()
    found = named(fewest(STEP, gib * GIB, simulate))
    every: dict[tuple[str, str], list[Shared]] = {}
    for count in COUNTS:
        for way, row in named(on_gpus(STEP, count, gib * GIB, Counting())).items():
            every.setdefault(way, []).append(row)
    assert found.keys() == every.keys()
    for way, rows in every.items():
        fitting = [row for row in rows if row.verdict == "fits"]
        # Where nothing fits, the most GPUs say so.
        assert found[way] == (fitting[0] if fitting else rows[-1])
    # By halving: the largest count, then at most three more of each way.
    assert len(simulate.asked) <= 4
