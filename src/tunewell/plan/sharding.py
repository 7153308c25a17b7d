"""Several GPUs on paper: which way of sharing a model out fits, and on how few of them.

Every row is a simulation of the fullest rank (see `tunewell.simulate.sharding`). What a GPU sends
is counted for rings: an all-gather and a reduce-scatter send everything but the rank's own part
once, an all-reduce does both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from tunewell.core.finding import Record
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Offload, Sharding, Step, Strategy
from tunewell.plan.verdict import Verdict, verdict_of

MIB = 1024**2
Way = tuple[Strategy, Offload]
Simulate = Callable[[Sequence[Step]], Sequence[Simulated | NotSimulated]]

COUNTS = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of GPUs that machines have, or a few machines together."""
IN_MACHINE = 8
"""GPUs of a machine, unless it is said otherwise."""
NCCL_PAIR_BYTES = 544 * MIB
NCCL_BYTES = 688 * MIB
"""What NCCL takes beside PyTorch's allocator for two GPUs, and for more: measured on four A100 with
NVLink by the author of https://github.com/NVIDIA/nccl/issues/964 (2023-08-16). It depends on links
and version; issue 864 there names 1.6 GB for the first communicator, kernels included."""

WAYS: tuple[Way, ...] = (
    ("ddp", "none"),
    ("zero1", "none"),
    ("zero2", "none"),
    ("fsdp", "none"),
    ("fsdp-hybrid", "none"),
    ("zero3", "none"),
    ("zero2", "optimizer"),
    ("zero3", "optimizer"),
    ("fsdp", "parameters"),
    ("zero3", "parameters"),
)
"""From the least exchanged to the most."""
BUCKETS: frozenset[Strategy] = frozenset({"zero1", "zero2"})
"""Stages whose gradients go through a second bucket with `overlap_comm`, which the launch files
set."""
WHOLE_WEIGHTS: frozenset[Strategy] = frozenset({"ddp", "zero1", "zero2"})


class Shared(Record, frozen=True):
    """One way on so many GPUs, and what each of them then needs.

    `verdict` is "fits", "tight" (only with cached segments given back) or "does-not-fit".
    `simulated` is the step of the fullest GPU, `nccl_bytes` what it needs beside PyTorch's
    allocator. `host_bytes` are of all processes on one machine.
    """

    sharding: Sharding
    verdict: Verdict
    simulated: Simulated
    nccl_bytes: int
    host_bytes: int


def nccl_bytes(ranks: int) -> int:
    """What NCCL takes on each of so many GPUs, beside PyTorch's allocator."""
    if ranks == 1:
        return 0
    return NCCL_PAIR_BYTES if ranks == 2 else NCCL_BYTES  # noqa: PLR2004  a pair


def layouts(
    step: Step, gpus: int, *, in_machine: int = IN_MACHINE, ways: Iterable[Way] = WAYS
) -> tuple[Sharding, ...]:
    """The ways there are for a step on so many GPUs, from the least exchanged to the most.

    On one GPU only offloading is left, and hybrid sharding takes several machines. bitsandbytes'
    packed weights are not shared out: FSDP leaves them whole unless they are stored as floats.
    """
    nodes = -(-gpus // in_machine)
    found = []
    for strategy, offload in ways:
        if gpus == 1 and offload == "none":
            continue
        if strategy == "fsdp-hybrid" and (nodes == 1 or gpus % nodes):
            continue
        if step.quantization is not None and strategy not in WHOLE_WEIGHTS:
            continue
        overlap = strategy in BUCKETS
        found.append(Sharding(strategy, gpus, nodes, offload, overlap=overlap))
    return tuple(found)


def on_gpus(
    step: Step,
    gpus: int,
    capacity: int,
    simulate: Simulate,
    *,
    in_machine: int = IN_MACHINE,
    ways: Iterable[Way] = WAYS,
) -> tuple[Shared, ...]:
    """Every way of sharing on so many GPUs; ways that cannot be simulated are left out.

    Args:
        step: of one GPU: its batch is what each GPU runs at a time.
        gpus: on all machines together.
        capacity: bytes that PyTorch and NCCL may take on a GPU, without the driver's context.
        simulate: as `tunewell.plan.child.simulate` does.
        in_machine: GPUs of one machine.
        ways: those that are looked at.
    """
    found = layouts(step, gpus, in_machine=in_machine, ways=ways)
    return each_row(step, found, capacity, simulate, in_machine=in_machine)


def fewest(
    step: Step,
    capacity: int,
    simulate: Simulate,
    *,
    counts: Iterable[int] = COUNTS,
    in_machine: int = IN_MACHINE,
    ways: Sequence[Way] = WAYS,
) -> tuple[Shared, ...]:
    """For each way of sharing, the row of the fewest GPUs with which it fits.

    Memory falls as the number of GPUs rises, so that each way is searched by halving: all ways go
    on at once, a batch of simulations a round. A way that fits on no count is represented by the
    largest, whose verdict says so. The arguments are those of `on_gpus`.
    """
    places: dict[Way, list[Sharding]] = {}
    for count in sorted(counts):
        for layout in layouts(step, count, in_machine=in_machine, ways=ways):
            places.setdefault((layout.strategy, layout.offload), []).append(layout)
    known: dict[Sharding, Shared] = {}
    # The largest count first: a way that fits on no count takes one simulation.
    low = dict.fromkeys(places, 0)
    high = {way: len(found) - 1 for way, found in places.items()}
    asked = dict(high)
    while asked:
        wanted = [places[way][place] for way, place in asked.items()]
        known |= {
            row.sharding: row
            for row in each_row(step, wanted, capacity, simulate, in_machine=in_machine)
        }
        for way, place in asked.items():
            row = known.get(places[way][place])
            if row is not None and row.verdict == "fits":
                high[way] = place
            elif place == len(places[way]) - 1:
                low[way] = place
            else:
                low[way] = place + 1
        asked = {way: (low[way] + high[way]) // 2 for way in places if low[way] < high[way]}
    rows = [known.get(found[high[way]]) for way, found in places.items()]
    return tuple(row for row in rows if row is not None)


def each_row(
    step: Step,
    ways: Sequence[Sharding],
    capacity: int,
    simulate: Simulate,
    *,
    in_machine: int = IN_MACHINE,
) -> tuple[Shared, ...]:
    """These ways of sharing; those that cannot be simulated are left out. See `on_gpus`."""
    steps = [msgspec.structs.replace(step, sharding=way) for way in ways]
    rows = []
    for way, answer in zip(ways, simulate(steps), strict=True):
        if isinstance(answer, Simulated):
            rows.append(_row(way, answer, capacity, in_machine))
    return tuple(rows)


def _row(way: Sharding, answer: Simulated, capacity: int, in_machine: int) -> Shared:
    nccl = nccl_bytes(way.ranks)
    return Shared(
        sharding=way,
        verdict=verdict_of(answer.peak_reserved, answer.smallest_capacity, capacity - nccl),
        simulated=answer,
        nccl_bytes=nccl,
        host_bytes=answer.host_bytes * min(way.ranks, in_machine),
    )
