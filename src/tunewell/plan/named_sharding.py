"""The way of sharing that a recipe names, in the words of DeepSpeed, FSDP or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunewell.plan.sharding import IN_MACHINE, WHOLE_WEIGHTS
from tunewell.plan.step import Offload, Sharding, Step, Strategy
from tunewell.subjects.recipe import Recipe

STAGES: dict[int, Strategy] = {0: "ddp", 1: "zero1", 2: "zero2", 3: "zero3"}
REDUCED, PREFETCHED, KEPT = 500_000_000, 50_000_000, 100_000
"""Elements that DeepSpeed takes where a file says nothing: `reduce_bucket_size`,
`stage3_prefetch_bucket_size` and `stage3_param_persistence_threshold` of
`deepspeed.runtime.zero.config`, DeepSpeed 0.19."""

GATHERED_ONCE = "FSDP that keeps the gathered weights until the backward pass is not simulated"
PACKED = "weights packed in four or eight bits are not shared out"


def named_sharding(recipe: Recipe, step: Step, gpus: int) -> Sharding | str | None:
    """The way that the recipe names on so many GPUs, or why it is not simulated; None without one.

    Args:
        recipe: its `hardware` holds the settings of DeepSpeed and FSDP.
        step: packed weights are not shared out.
        gpus: on all machines together.
    """
    hardware = recipe.hardware
    nodes = -(-gpus // IN_MACHINE)
    if hardware.deepspeed:
        found: Sharding | str = _deepspeed(hardware.deepspeed, gpus, nodes)
    elif hardware.fsdp:
        found = _fsdp(hardware.fsdp, gpus, nodes)
    else:
        return None
    if isinstance(found, Sharding) and step.quantization is not None:
        return found if found.strategy in WHOLE_WEIGHTS else PACKED
    return found


def _deepspeed(settings: Mapping[str, Any], gpus: int, nodes: int) -> Sharding | str:
    zero = settings.get("zero_optimization")
    zero = zero if isinstance(zero, Mapping) else {}
    stage = zero.get("stage", settings.get("zero_stage", 0))
    if stage not in STAGES:
        return f"ZeRO's stage {stage!r} is not known"
    offload: Offload = "none"
    if _on_cpu(zero, settings, "offload_optimizer"):
        offload = "optimizer"
    if stage == max(STAGES) and _on_cpu(zero, settings, "offload_param"):
        offload = "parameters"
    overlap = zero.get("overlap_comm")
    return Sharding(
        STAGES[stage],
        gpus,
        nodes,
        offload,
        reduce_bucket=_size(zero, "reduce_bucket_size", REDUCED),
        prefetch_bucket=_size(zero, "stage3_prefetch_bucket_size", PREFETCHED),
        persistence=_size(zero, "stage3_param_persistence_threshold", KEPT),
        overlap=overlap if isinstance(overlap, bool) else stage == max(STAGES),
    )


def _on_cpu(zero: Mapping[str, Any], settings: Mapping[str, Any], name: str) -> bool:
    """In DeepSpeed's own words, or in those of a file of accelerate."""
    inner = zero.get(name)
    device = inner.get("device") if isinstance(inner, Mapping) else settings.get(f"{name}_device")
    return device in {"cpu", "nvme"}


def _size(zero: Mapping[str, Any], name: str, default: int) -> int | None:
    """None stands for "auto", which the Trainer fills in, as it does without a file."""
    value = zero.get(name, default if zero else None)
    return int(value) if isinstance(value, int | float) else None


def _fsdp(settings: Mapping[str, Any], gpus: int, nodes: int) -> Sharding | str:
    """Options by name ("full_shard offload") and settings with or without `fsdp_` before them."""
    given = {str(key).removeprefix("fsdp_"): value for key, value in settings.items()}
    words = given.get("options")
    if isinstance(words, str):
        words = words.split()
    options = {str(word) for word in words} if isinstance(words, list | tuple) else set()
    way = str(given.get("sharding_strategy", "")).lower()
    reshard = given.get("reshard_after_forward", True)
    if isinstance(reshard, str) and not way:
        # In version 1 the key names the strategy.
        way, reshard = reshard.lower(), reshard.lower() not in {"false", "shard_grad_op"}
    if not reshard or "shard_grad_op" in options | {way} or way == "2":
        return GATHERED_ONCE
    if "no_shard" in options | {way} or way == "3":
        return Sharding("ddp", gpus, nodes)
    hybrid = any("hybrid" in word for word in options | {way})
    offload = "offload" in options or bool(given.get("offload_params"))
    return Sharding(
        "fsdp-hybrid" if hybrid and nodes > 1 else "fsdp",
        gpus,
        nodes,
        "parameters" if offload else "none",
    )
