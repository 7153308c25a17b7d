"""How DeepSpeed or FSDP share a model out, as far as a recipe tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunewell.subjects.recipe import Recipe

PARTITIONED_FROM_HERE = 3
"""The ZeRO stage that partitions the parameters themselves."""


def zero_stage(recipe: Recipe) -> int | None:
    """The stage of ZeRO in DeepSpeed's own file or accelerate's; None where it is not told."""
    told = recipe.hardware.deepspeed or {}
    stage = _zero(told).get(
        "stage", told.get("zero_stage", told.get("deepspeed_config_zero_stage"))
    )
    return stage if isinstance(stage, int) else None


def offloads(recipe: Recipe, what: str) -> bool:
    """Whether DeepSpeed keeps the "optimizer" or the "param"s in main memory."""
    told = recipe.hardware.deepspeed or {}
    group = _zero(told).get(f"offload_{what}")
    device = group.get("device") if isinstance(group, Mapping) else None
    return (device or told.get(f"offload_{what}_device")) == "cpu"


def fsdp_offloads(recipe: Recipe) -> bool:
    """Whether FSDP keeps parameters, and with them the optimizer, in main memory."""
    told = recipe.hardware.fsdp or {}
    return any(
        (key.endswith("offload_params") and value is True)
        or (isinstance(value, str) and "offload" in value.split())
        for key, value in told.items()
    )


def _zero(told: Mapping[str, Any]) -> Mapping[str, Any]:
    group = told.get("zero_optimization")
    return group if isinstance(group, Mapping) else {}
