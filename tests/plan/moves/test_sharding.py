"""Layouts over several GPUs, the step of each, and larger GPUs."""

import pytest

from tunewell.knowledge.gpus import find
from tunewell.plan.launch import Layout
from tunewell.plan.moves.sharding import larger_gpus, on_each, shardings
from tunewell.plan.step import LowRank, Step

STEP = Step(config={}, batch=4, accumulation=4)
PACKED = Step(config={}, quantization="nf4", adapter=LowRank())


def names(gpus: int, nodes: int, step: Step = STEP) -> list[str]:
    base = Layout(
        command=("t.py",), gpus=gpus, nodes=nodes, strategy="ddp" if gpus * nodes > 1 else "single"
    )
    return [f"{s.layout.strategy} {s.layout.offload}" for s in shardings(base, step)]


def test_one_gpu_can_only_offload() -> None:
    assert names(1, 1) == ["zero2 optimizer", "zero3 parameters"]


def test_several_gpus_share_more_and_more() -> None:
    found = names(8, 1)
    assert found[:2] == ["ddp none", "zero1 none"]
    assert "fsdp-hybrid none" not in found
    assert "fsdp-hybrid none" in names(8, 2)


def test_packed_weights_are_not_sharded() -> None:
    assert names(8, 1, PACKED) == ["ddp none", "zero1 none", "zero2 none", "zero2 optimizer"]


def test_what_is_shared_is_shared_by_all_who_share_it() -> None:
    base = Layout(command=("t.py",), gpus=8, nodes=2, strategy="ddp")
    over = {s.layout.strategy: s.over for s in shardings(base, STEP)}
    assert over["fsdp"] == 16
    assert over["fsdp-hybrid"] == 8
    shared = {s.layout.strategy: s.shared for s in shardings(base, STEP)}
    assert shared["zero1"] == {"optimizer"}
    assert "weights" in shared["fsdp"]
    assert all(cost.source for s in shardings(base, STEP) for cost in s.speed)


@pytest.mark.parametrize(
    ("processes", "expected"), [(2, (4, 2)), (4, (4, 1)), (8, (2, 1)), (16, (1, 1)), (3, None)]
)
def test_the_effective_batch_stays_on_several_gpus(
    processes: int, expected: tuple[int, int] | None
) -> None:
    made = on_each(STEP, processes)
    assert (None if made is None else (made.batch, made.accumulation)) == expected


def test_a_loss_over_the_batch_is_not_split() -> None:
    assert on_each(Step(config={}, task="embedding", batch=8), 2) is None


def test_larger_gpus_begin_with_the_smallest_that_is_enough() -> None:
    t4 = find("T4")
    assert t4 is not None
    found = larger_gpus(30 * 1024**3, than=t4)
    sizes = [gpu.memory_bytes for gpu in found]
    assert sizes == sorted(sizes)
    assert all(gpu.memory_bytes - gpu.context_bytes >= 30 * 1024**3 for gpu in found)
    assert t4 not in larger_gpus(0, than=t4)
    assert larger_gpus(10**15) == ()
