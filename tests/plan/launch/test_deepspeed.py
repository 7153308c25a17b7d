"""The file of DeepSpeed.

DeepSpeed is not installed here. Each of these files was read once, on 2026-11-27, by
`HfTrainerDeepSpeedConfig` of transformers 5.23, which left no "auto" in it, and what that made was
taken by `DeepSpeedConfig` of DeepSpeed 0.19.8. The keys below are facts of those two.
"""

import dataclasses
import json
from typing import Any

import pytest
from tests.plan.launch.layouts import LAYOUTS, RECIPE

from tunewell.plan.launch.accelerate import accelerate_config
from tunewell.plan.launch.deepspeed import deepspeed_config
from tunewell.subjects.recipe import Hardware

TOP = {
    "_comment", "zero_optimization", "bf16", "fp16", "gradient_accumulation_steps",
    "gradient_clipping", "train_batch_size", "train_micro_batch_size_per_gpu", "optimizer",
    "zero_allow_untested_optimizer",
}  # fmt: skip
ZERO = {
    "stage", "overlap_comm", "contiguous_gradients", "reduce_bucket_size", "offload_optimizer",
    "offload_param", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold",
    "stage3_gather_16bit_weights_on_model_save",
}  # fmt: skip
"""Fields of DeepSpeedZeroConfig, which refuses any other."""

FILLED = {
    "gradient_accumulation_steps", "gradient_clipping", "train_batch_size",
    "train_micro_batch_size_per_gpu", "bf16.enabled", "fp16.enabled", "optimizer.params.lr",
    "optimizer.params.betas", "optimizer.params.eps", "optimizer.params.weight_decay",
    "zero_optimization.reduce_bucket_size", "zero_optimization.stage3_prefetch_bucket_size",
    "zero_optimization.stage3_param_persistence_threshold",
}  # fmt: skip
"""What the Trainer fills in where it is "auto": any other would reach DeepSpeed as a word."""

NAMES = [name for name in LAYOUTS if name.startswith("zero")]


def values(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(deepspeed_config(RECIPE, LAYOUTS[name]).text)
    return read


def autos(tree: dict[str, Any], path: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in tree.items():
        here = f"{path}.{key}" if path else key
        found |= autos(value, here) if isinstance(value, dict) else set()
        found |= {here} if value == "auto" else set()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_has_only_keys_that_deepspeed_takes(name: str) -> None:
    config = values(name)
    assert set(config) <= TOP
    assert set(config["zero_optimization"]) <= ZERO
    assert config["zero_optimization"]["stage"] == LAYOUTS[name].stage


@pytest.mark.parametrize("name", NAMES)
def test_every_auto_is_one_that_the_trainer_fills_in(name: str) -> None:
    found = autos(values(name))
    assert found <= FILLED
    assert "train_micro_batch_size_per_gpu" in found


@pytest.mark.parametrize("name", NAMES)
def test_the_trainers_code_knows_each_auto(name: str) -> None:
    """The names stand in the source of the installed transformers, which fills them in."""
    from pathlib import Path

    import transformers

    source = Path(transformers.__file__).parent / "integrations" / "deepspeed.py"
    text = source.read_text()
    assert all(f'"{key}"' in text for key in autos(values(name)))


@pytest.mark.parametrize("name", NAMES)
def test_an_offloaded_optimizer_is_deepspeeds_own(name: str) -> None:
    config, offload = values(name), LAYOUTS[name].offload
    assert ("optimizer" in config) == (offload != "none")
    assert ("zero_allow_untested_optimizer" in config) == (offload == "none")
    zero = config["zero_optimization"]
    assert ("offload_optimizer" in zero) == (offload != "none")
    assert ("offload_param" in zero) == (offload == "parameters")


def test_it_says_why_in_its_comment() -> None:
    comment = values("zero3")["_comment"]
    assert comment[0].startswith("Written by `tunewell plan --fit` for Qwen/Qwen2.5-7B")
    assert any("16 GPUs" in line for line in comment)


def test_packed_weights_are_warned_of_where_weights_are_sharded() -> None:
    recipe = dataclasses.replace(RECIPE, hardware=Hardware(load_in_4bit=True))
    said = {
        name: "bnb_4bit_quant_storage" in deepspeed_config(recipe, LAYOUTS[name]).text
        for name in NAMES
    }
    assert said == {name: LAYOUTS[name].stage == 3 for name in NAMES}
    assert "bnb_4bit_quant_storage" in accelerate_config(recipe, LAYOUTS["fsdp"]).text
    assert "bnb_4bit_quant_storage" not in accelerate_config(RECIPE, LAYOUTS["fsdp"]).text


def test_a_layout_without_zero_has_none() -> None:
    with pytest.raises(ValueError, match="does not use DeepSpeed"):
        deepspeed_config(RECIPE, LAYOUTS["fsdp"])
