"""More GPUs, and larger ones: what is shared out, what that costs, and which layouts there are.

Papers by their number on arXiv, from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from tunewell.knowledge.gpus import Gpu, table
from tunewell.plan.launch.layout import Layout, Offload, Strategy
from tunewell.plan.moves.move import Cost
from tunewell.plan.moves.steps import micro_batches
from tunewell.plan.step import Step

ZERO = "ZeRO, arXiv 1910.02054"
SPEED: Mapping[Strategy, Cost] = {
    "single": Cost("nothing", "by its definition"),
    "ddp": Cost("gradients are exchanged once a step, beside the backward pass", ZERO),
    "zero1": Cost("the bytes exchanged are those of data parallel", ZERO),
    "zero2": Cost("the bytes exchanged are those of data parallel", ZERO),
    "zero3": Cost("half as many bytes more are exchanged: weights are gathered twice", ZERO),
    "fsdp": Cost(
        "half as many bytes more are exchanged: weights are gathered twice", "arXiv 2304.11277"
    ),
    "fsdp-hybrid": Cost(
        "weights are gathered within a machine, gradients exchanged between machines",
        "arXiv 2304.11277",
    ),
}
OFFLOADED: Mapping[Offload, Cost] = {
    "none": Cost("nothing", "by its definition"),
    "optimizer": Cost(
        "the optimizer's step runs on the CPU and gradients cross PCIe", "arXiv 2101.06840"
    ),
    "parameters": Cost(
        "weights cross PCIe in every pass too: several times slower", "arXiv 2104.07857"
    ),
}
SHARED: Mapping[Strategy, frozenset[str]] = {
    "single": frozenset(),
    "ddp": frozenset(),
    "zero1": frozenset({"optimizer"}),
    "zero2": frozenset({"optimizer", "gradients"}),
    "zero3": frozenset({"optimizer", "gradients", "weights"}),
    "fsdp": frozenset({"optimizer", "gradients", "weights"}),
    "fsdp-hybrid": frozenset({"optimizer", "gradients", "weights"}),
}
"""The kinds that each GPU holds a part of; activations and logits are always its own."""

PACKED_UNSHARDED: frozenset[Strategy] = frozenset({"zero3", "fsdp", "fsdp-hybrid"})
"""Strategies that shard weights, which bitsandbytes' packed ones bear only with
bnb_4bit_quant_storage set (fault P19 of the catalogue): not proposed for them."""


@dataclass(frozen=True, slots=True)
class Sharding:
    """A layout with what it shares out over how many GPUs, and what it costs.

    What is learned does not change, as long as the effective batch stays. A kind that is shared
    takes its bytes divided by `over`.
    """

    layout: Layout
    shared: frozenset[str]
    over: int
    speed: tuple[Cost, ...]


def shardings(base: Layout, step: Step) -> tuple[Sharding, ...]:
    """The layouts on the GPUs of `base`, from the least exchange between them to the most.

    Args:
        base: GPUs, machines, script and precision. Its strategy and offload are not looked at.
        step: packed weights are not sharded.
    """
    wanted: list[tuple[Strategy, Offload]] = []
    if base.processes > 1:
        wanted += [("ddp", "none"), ("zero1", "none"), ("zero2", "none"), ("fsdp", "none")]
        if base.nodes > 1:
            wanted.append(("fsdp-hybrid", "none"))
        wanted.append(("zero3", "none"))
    wanted += [("zero2", "optimizer"), ("zero3", "parameters")]
    found = []
    for strategy, offload in wanted:
        if step.quantization is not None and strategy in PACKED_UNSHARDED:
            continue
        layout = replace(base, strategy=strategy, offload=offload)
        moved = (OFFLOADED[offload],) if offload != "none" else ()
        found.append(
            Sharding(
                layout=layout,
                shared=SHARED[strategy],
                over=base.gpus if strategy == "fsdp-hybrid" else base.processes,
                speed=(SPEED[strategy], *moved),
            )
        )
    return tuple(found)


def on_each(step: Step, processes: int) -> Step | None:
    """The step of one of so many GPUs, with the same effective batch on all of them together.

    The accumulation is divided first, then the rows at a time. None where the rows of a step cannot
    be shared out evenly, or where a loss compares the rows of a batch.
    """
    rows = step.batch * step.accumulation
    if rows % processes:
        return None
    mine = rows // processes
    fitting = [n for n in micro_batches(step) if n <= step.batch and mine % n == 0]
    if not fitting:
        return None
    batch = max(fitting)
    return msgspec.structs.replace(step, batch=batch, accumulation=mine // batch)


def larger_gpus(needed: int, *, than: Gpu | None = None) -> tuple[Gpu, ...]:
    """GPUs of the table with room for so many bytes, the smallest first.

    Args:
        needed: bytes of PyTorch's allocator; the driver's context comes on top of them.
        than: only GPUs with more memory than this one.
    """
    least = than.memory_bytes + 1 if than is not None else 0
    enough = [
        gpu
        for gpu in table()
        if gpu.memory_bytes >= least and gpu.memory_bytes - gpu.context_bytes >= needed
    ]
    return tuple(sorted(enough, key=_size))


def _size(gpu: Gpu) -> tuple[int, str]:
    return gpu.memory_bytes, gpu.name
