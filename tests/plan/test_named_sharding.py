"""Which way of sharing a recipe names, in the words of DeepSpeed and of both versions of FSDP."""

from __future__ import annotations

from typing import Any

import pytest

from tunewell.plan.named_sharding import (
    GATHERED_ONCE,
    KEPT,
    PACKED,
    PREFETCHED,
    REDUCED,
    named_sharding,
)
from tunewell.plan.step import LowRank, Sharding, Step
from tunewell.subjects.recipe import Hardware, Recipe

STEP = Step({"model_type": "llama"})
AUTO = {
    "reduce_bucket_size": "auto",
    "stage3_prefetch_bucket_size": "auto",
    "stage3_param_persistence_threshold": "auto",
}


def found(*, gpus: int = 4, step: Step = STEP, **given: Any) -> Sharding | str | None:  # noqa: ANN401  fields of Hardware
    return named_sharding(Recipe(hardware=Hardware(**given)), step, gpus)


def test_a_recipe_that_names_nothing() -> None:
    assert found(world_size=4) is None


@pytest.mark.parametrize(
    ("settings", "way"),
    [
        ({"zero_optimization": {"stage": 2, **AUTO}}, Sharding("zero2", 4)),
        (
            {"zero_optimization": {"stage": 2, "overlap_comm": True, **AUTO}},
            Sharding("zero2", 4, overlap=True),
        ),
        (
            {"zero_optimization": {"stage": 3, **AUTO, "offload_param": {"device": "cpu"}}},
            Sharding("zero3", 4, offload="parameters", overlap=True),
        ),
        (
            {"zero_optimization": {"stage": 2, **AUTO, "offload_optimizer": {"device": "cpu"}}},
            Sharding("zero2", 4, offload="optimizer"),
        ),
        # What a file leaves out is DeepSpeed's own default, not "auto".
        (
            {"zero_optimization": {"stage": 1}},
            Sharding(
                "zero1", 4, reduce_bucket=REDUCED, prefetch_bucket=PREFETCHED, persistence=KEPT
            ),
        ),
        # A file of accelerate.
        (
            {"zero_stage": 3, "offload_optimizer_device": "cpu", "offload_param_device": "none"},
            Sharding("zero3", 4, offload="optimizer", overlap=True),
        ),
        ({"train_batch_size": "auto"}, Sharding("ddp", 4)),
    ],
)
def test_deepspeed(settings: dict[str, Any], way: Sharding) -> None:
    assert found(deepspeed=settings) == way


@pytest.mark.parametrize(
    ("settings", "way"),
    [
        ({"options": ["full_shard", "auto_wrap"]}, Sharding("fsdp", 4)),
        ({"options": True, "fsdp_version": 2}, Sharding("fsdp", 4)),
        ({"options": "full_shard offload"}, Sharding("fsdp", 4, offload="parameters")),
        ({"fsdp_sharding_strategy": "FULL_SHARD"}, Sharding("fsdp", 4)),
        ({"fsdp_reshard_after_forward": True, "fsdp_offload_params": True},
         Sharding("fsdp", 4, offload="parameters")),
        ({"fsdp_sharding_strategy": "NO_SHARD"}, Sharding("ddp", 4)),
        ({"fsdp_reshard_after_forward": "FULL_SHARD"}, Sharding("fsdp", 4)),
        ({"options": ["shard_grad_op"]}, GATHERED_ONCE),
        ({"reshard_after_forward": False}, GATHERED_ONCE),
        ({"fsdp_reshard_after_forward": "SHARD_GRAD_OP"}, GATHERED_ONCE),
        # Within one machine nothing is left to copy between machines.
        ({"options": ["hybrid_shard"]}, Sharding("fsdp", 4)),
    ],
)  # fmt: skip
def test_fsdp(settings: dict[str, Any], way: Sharding | str) -> None:
    assert found(fsdp=settings) == way


def test_several_machines() -> None:
    assert found(gpus=16, fsdp={"options": ["hybrid_shard"]}) == Sharding("fsdp-hybrid", 16, 2)


def test_packed_weights_are_not_shared_out() -> None:
    packed = Step({"model_type": "llama"}, quantization="nf4", adapter=LowRank())
    assert found(step=packed, deepspeed={"zero_stage": 3}) == PACKED
    assert found(step=packed, deepspeed={"zero_stage": 2}) == Sharding("zero2", 4)


def test_a_stage_that_there_is_not() -> None:
    assert "stage 4" in str(found(deepspeed={"zero_stage": 4}))
