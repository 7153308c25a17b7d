"""One rank of several: against one GPU, against more ranks, and against FSDP 2 and DeepSpeed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import msgspec
import pytest

from tunewell.plan.simulated import Simulated
from tunewell.plan.step import LowRank, Offload, Sharding, Step, Strategy

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tunewell.simulate import step as stepping  # torch is asked for above
from tunewell.simulate import storages
from tunewell.simulate.__main__ import simulate
from tunewell.simulate.models import build

MIB = 1024**2
RECORDED = Path(__file__).parents[1] / "fixtures" / "sharded_memory.json"
MODEL: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 128,
    "intermediate_size": 352,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


class Recorded(msgspec.Struct, frozen=True):
    """Bytes asked for on rank 0 by the library itself, at the peak and after two steps."""

    name: str
    step: Step
    peak: int
    steady: int


@cache
def run(
    strategy: Strategy | None,
    ranks: int = 1,
    offload: Offload = "none",
    accumulation: int = 1,
    *,
    autocast: bool = True,
    nodes: int = 1,
) -> Simulated:
    """A small model in mixed precision."""
    step = Step(
        MODEL,
        batch=2,
        length=32,
        accumulation=accumulation,
        autocast="bf16" if autocast else None,
        sharding=Sharding(strategy, ranks, nodes, offload) if strategy is not None else None,
    )
    answer = simulate(step)
    assert isinstance(answer, Simulated), answer
    return answer


def _nothing(*_: object) -> int:
    """Nothing is taken; a mock would keep the tensors alive that it is called with."""
    return 0


def asked_for(step: Step) -> tuple[int, int]:
    """What tensors ask for at the peak and after two steps, without what only CUDA takes."""
    with (
        mock.patch.object(storages, "hidden_bytes", _nothing),
        mock.patch.object(stepping.Run, "_workspace", _nothing),
        mock.patch.object(stepping.Run, "_light_workspace", _nothing),
    ):
        progress = stepping.Run(step, build(step, []))
        progress.everything()
    most = now = 0
    for _, size in progress.storages.events:
        now += size
        most = max(most, now)
    return most, progress.storages.live


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "recorded",
    msgspec.json.decode(RECORDED.read_bytes(), type=list[Recorded]),
    ids=lambda recorded: recorded.name,
)
def test_the_libraries_ask_for_what_is_simulated(recorded: Recorded) -> None:
    # Recorded by benchmarks/sharded_memory.py from FSDP 2 and DeepSpeed themselves.
    peak, steady = asked_for(recorded.step)
    assert peak == pytest.approx(recorded.peak, rel=0.002)
    assert steady == pytest.approx(recorded.steady, rel=0.002)


def test_fsdp_on_one_rank_is_one_gpu_with_its_gathered_copy() -> None:
    alone = run(None, autocast=False)
    sharded = run("fsdp", autocast=False)
    assert sharded.steady == pytest.approx(alone.steady, rel=0.01)
    # Weights are there twice where a unit computes, and once after the step.
    assert alone.peak_allocated <= sharded.peak_allocated
    assert sharded.peak_allocated <= alone.peak_allocated + alone.by_kind["weights"]
    assert sharded.moved_bytes == 0


def test_ddp_adds_one_copy_of_the_gradients() -> None:
    alone = run(None)
    for ranks in (1, 2, 8):
        replicated = run("ddp", ranks)
        assert replicated.steady - alone.steady == alone.trainable * 4
        assert replicated.moved_bytes == round(2 * alone.trainable * 4 * (ranks - 1) / ranks)


@pytest.mark.parametrize("strategy", ["zero1", "zero2", "zero3", "fsdp"])
def test_more_ranks_never_take_more(strategy: Strategy) -> None:
    rows = [run(strategy, ranks) for ranks in (1, 2, 4, 16)]
    steady = [row.steady for row in rows]
    assert steady == sorted(steady, reverse=True)
    assert steady[0] > steady[-1]
    peaks = [row.peak_allocated for row in rows[1:]]
    assert peaks == sorted(peaks, reverse=True)


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_parts_are_those_of_the_stage(ranks: int) -> None:
    count = run(None).parameters
    slack = 2 * MIB
    # 16-bit weights, fp32 masters, two moments; stage 3 keeps its buffer of gradients.
    for strategy, bytes_of in (
        ("zero1", 2 * count + 12 * count / ranks),
        ("zero2", 2 * count + 12 * count / ranks),
        ("zero3", 16 * count / ranks),
        ("fsdp", 12 * count / ranks),
    ):
        steady = run(strategy, ranks).steady
        workspaces = run("fsdp", ranks).steady - 12 * count / ranks
        assert abs(steady - workspaces - bytes_of) < slack


def test_offload_moves_bytes_to_main_memory() -> None:
    for strategy, offload in (
        ("zero1", "optimizer"),
        ("zero2", "optimizer"),
        ("zero3", "optimizer"),
        ("zero3", "parameters"),
        ("fsdp", "parameters"),
    ):
        here, there = run(strategy, 2), run(strategy, 2, offload)
        assert there.host_bytes > 0 == here.host_bytes
        assert there.steady < here.steady
        assert there.crossing_bytes > 0 == here.crossing_bytes


def test_hybrid_sharding_shards_within_a_machine() -> None:
    hybrid, within, over_all = run("fsdp-hybrid", 8, nodes=2), run("fsdp", 4), run("fsdp", 8)
    assert hybrid.steady == within.steady > over_all.steady
    assert hybrid.moved_bytes > within.moved_bytes


def test_gradients_stay_whole_while_fsdp_accumulates() -> None:
    # accelerate's no_sync: what FSDP saves is lost between the micro-batches.
    once, four = run("fsdp", 8), run("fsdp", 8, accumulation=4)
    assert four.peak_allocated - once.peak_allocated > once.trainable
    assert four.steady == once.steady


def test_only_stage_two_exchanges_gradients_after_every_micro_batch() -> None:
    for strategy, more in (("zero1", False), ("zero2", True), ("ddp", False)):
        once, four = run(strategy, 4), run(strategy, 4, accumulation=4)
        assert (four.moved_bytes > 1.5 * once.moved_bytes) is more


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_kinds_sum_to_the_peak(strategy: Strategy) -> None:
    answer = run(strategy, 2)
    assert sum(answer.by_kind.values()) == answer.peak_allocated
    assert min(answer.by_kind.values()) >= 0


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_adapters_are_shared_out_with_the_frozen_weights() -> None:
    adapter = LowRank(rank=4, targets=("all-linear",))
    step = Step(MODEL, batch=2, length=32, weights="bf16", autocast="bf16", adapter=adapter)
    steady = []
    for ranks in (1, 4):
        sharding = Sharding("fsdp", ranks)
        answer = simulate(msgspec.structs.replace(step, sharding=sharding))
        assert isinstance(answer, Simulated)
        steady.append(answer.steady)
        frozen = answer.parameters - answer.trainable
        shares = (2 * frozen + 12 * answer.trainable) / ranks
        assert answer.steady - 17 * MIB < shares < answer.steady
    assert steady[0] > steady[1]


def test_evaluation_is_no_part_of_what_is_exchanged() -> None:
    step = Step(MODEL, batch=2, length=32, sharding=Sharding("fsdp", 4))
    plain = simulate(step)
    evaluated = simulate(msgspec.structs.replace(step, evaluation_batch=2))
    assert isinstance(plain, Simulated)
    assert isinstance(evaluated, Simulated)
    assert "evaluation" in {phase.phase for phase in evaluated.phases}
    assert plain.moved_bytes == evaluated.moved_bytes > 0
