"""What each move does to a step, and when it does not apply."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.finding import Safety
from tunewell.plan.moves import FASTER, MOVES, move
from tunewell.plan.moves.steps import micro_batches, with_batch
from tunewell.plan.step import KINDS, Device, LowRank, Step

FULL = Step(
    config={"model_type": "qwen2"}, batch=8, accumulation=2, weights="fp32", autocast="bf16"
)
ADAPTED = Step(config={}, weights="bf16", adapter=LowRank(rank=32), checkpointing=True)


def changed(before: Step, after: Step) -> dict[str, Any]:
    """The fields that differ, with their new values."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return {key: new[key] for key in new if new[key] != old[key]}


CHANGES: Mapping[str, tuple[Step, dict[str, Any]]] = {
    "chunked-loss": (FULL, {"loss": "chunked"}),
    "fused-attention": (Step(config={}, attention="eager"), {"attention": "sdpa"}),
    "flash-attention": (FULL, {"attention": "flash"}),
    "fused-optimizer": (FULL, {"optimizer": "adamw_torch_fused"}),
    "smaller-micro-batch": (FULL, {"batch": 4, "accumulation": 4}),
    "checkpointing": (FULL, {"checkpointing": True}),
    "non-reentrant": (Step(config={}, checkpointing=True, reentrant=True), {"reentrant": False}),
    "smaller-evaluation-batch": (Step(config={}, evaluation_batch=8), {"evaluation_batch": 4}),
    "paged-optimizer": (FULL, {"optimizer": "paged_adamw_32bit"}),
    "8bit-optimizer": (FULL, {"optimizer": "adamw_bnb_8bit"}),
    "adafactor": (FULL, {"optimizer": "adafactor"}),
    "lower-rank": (ADAPTED, {"adapter": LowRank(rank=16)}),
    "double-quantization": (Step(config={}, quantization="nf4"), {"double_quantization": True}),
    "lora": (FULL, {"adapter": LowRank(rank=16, targets=("all-linear",)), "weights": "bf16"}),
    "qlora": (ADAPTED, {"quantization": "nf4"}),
    "pure-bf16": (FULL, {"weights": "bf16", "autocast": None}),
    "no-checkpointing": (ADAPTED, {"checkpointing": False}),
    "larger-micro-batch": (FULL, {"batch": 16, "accumulation": 1}),
}
REFUSED: Mapping[str, Step] = {
    "chunked-loss": Step(config={}, task="text-classification"),
    "fused-attention": FULL,
    "flash-attention": Step(config={}, autocast="fp16", device=Device(capability=75)),
    "fused-optimizer": Step(config={}, optimizer="adafactor"),
    "smaller-micro-batch": Step(config={}, task="embedding", batch=64),
    "checkpointing": ADAPTED,
    "non-reentrant": ADAPTED,
    "smaller-evaluation-batch": FULL,
    "paged-optimizer": Step(config={}, optimizer="sgd"),
    "8bit-optimizer": Step(config={}, optimizer="adamw_8bit"),
    "adafactor": ADAPTED,
    "lower-rank": Step(config={}, adapter=LowRank(rank=8)),
    "double-quantization": ADAPTED,
    "lora": ADAPTED,
    "qlora": Step(config={}, task="image-classification"),
    "pure-bf16": Step(config={}, weights="fp32", device=Device(capability=75)),
    "no-checkpointing": FULL,
    "larger-micro-batch": Step(config={}, batch=8),
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_changes_what_it_says_and_nothing_else(name: str) -> None:
    step, expected = CHANGES[name]
    after = move(name).apply(step)
    assert after is not None
    assert changed(step, after) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_it_does_not_apply_where_there_is_nothing_to_change(name: str) -> None:
    assert move(name).apply(REFUSED[name]) is None


@pytest.mark.parametrize("name", [each.id for each in MOVES if each.change is not None])
def test_every_move_has_both_cases(name: str) -> None:
    assert name in CHANGES
    assert name in REFUSED


@pytest.mark.parametrize("each", MOVES, ids=lambda each: each.id)
def test_every_move_says_what_it_costs_and_who_says_so(each: Any) -> None:  # noqa: ANN401
    for cost in (each.speed, each.quality):
        assert cost.words
        assert cost.source
    assert each.title
    assert each.when
    assert each.attacks <= set(KINDS)
    assert each.safety in {Safety.SAFE, Safety.UNSAFE}


def test_ids_are_their_own_and_what_is_faster_is_among_them() -> None:
    ids = [each.id for each in MOVES]
    assert len(ids) == len(set(ids))
    assert set(ids) >= FASTER
    with pytest.raises(KeyError):
        move("none")


@pytest.mark.parametrize("each", MOVES, ids=lambda each: each.id)
def test_a_safe_move_keeps_the_rows_of_a_step_and_what_is_trained(each: Any) -> None:  # noqa: ANN401
    for step in (FULL, ADAPTED):
        after = each.apply(step)
        if after is None or each.safety is not Safety.SAFE:
            continue
        assert after.batch * after.accumulation == step.batch * step.accumulation
        assert (after.length, after.adapter, after.weights, after.quantization) == (
            step.length, step.adapter, step.weights, step.quantization,
        )  # fmt: skip


@given(st.integers(1, 200), st.integers(1, 64))
def test_every_micro_batch_makes_the_same_effective_batch(batch: int, accumulation: int) -> None:
    step = Step(config={}, batch=batch, accumulation=accumulation)
    sizes = micro_batches(step)
    assert sizes == tuple(sorted(set(sizes)))
    assert {1, batch, batch * accumulation} <= set(sizes)
    for size in sizes:
        made = with_batch(step, size)
        assert made.batch * made.accumulation == batch * accumulation


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be made"):
        with_batch(FULL, 3)


def test_halving_comes_down_to_one_row() -> None:
    smaller = move("smaller-micro-batch")
    after = smaller.apply(Step(config={}, batch=12))
    seen = []
    while after is not None:
        seen.append((after.batch, after.accumulation))
        after = smaller.apply(after)
    assert seen == [(6, 2), (3, 4), (1, 12)]


def test_an_environment_variable_is_no_change_of_a_step() -> None:
    expandable = move("expandable-segments")
    assert expandable.apply(FULL) is None
    assert expandable.environment == ("PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",)
    assert dataclasses.is_dataclass(expandable)
