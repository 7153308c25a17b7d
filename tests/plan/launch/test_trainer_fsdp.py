"""FSDP as arguments of the Trainer, taken by transformers itself."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.plan.launch.layouts import LAYOUTS, RECIPE

from tunewell.plan.launch import Layout
from tunewell.plan.launch.trainer_fsdp import fsdp_arguments, fsdp_block

NAMES = ("fsdp", "fsdp, offloaded")


def taken(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What TrainingArguments makes of them for accelerate's plugin."""
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir=str(folder), use_cpu=True, report_to=[], **values)
    made: dict[str, Any] = arguments.fsdp_plugin_args
    return made


@pytest.mark.parametrize("name", NAMES)
def test_training_arguments_take_them(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    made = taken(fsdp_arguments(RECIPE, layout), tmp_path)
    assert made["fsdp_version"] == 2
    assert made["reshard_after_forward"] is True
    assert made.get("cpu_offload", False) == (layout.offload == "parameters")
    assert made["activation_checkpointing"] == layout.checkpointing
    assert made.get("transformer_cls_names_to_wrap") == layout.layer


@pytest.mark.parametrize("name", NAMES)
def test_the_text_says_the_same(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    values = fsdp_arguments(RECIPE, layout)
    block = fsdp_block(RECIPE, layout)
    assert yaml.safe_load(block.text) == values
    script = dataclasses.replace(RECIPE, file=tmp_path / "train.py")
    scope: dict[str, Any] = {}
    exec(fsdp_block(script, layout).text, scope)  # noqa: S102  our own text
    assert scope["fsdp_arguments"] == values


def test_accelerate_makes_a_plugin_of_them(tmp_path: Path) -> None:
    from accelerate.utils import FullyShardedDataParallelPlugin

    made = taken(fsdp_arguments(RECIPE, LAYOUTS["fsdp"]), tmp_path)
    plugin = FullyShardedDataParallelPlugin(**made)
    assert plugin.fsdp_version == 2
    assert plugin.activation_checkpointing is True
    assert plugin.transformer_cls_names_to_wrap == ["Qwen2DecoderLayer"]


@pytest.mark.parametrize("name", ["fsdp-hybrid", "zero3", "ddp"])
def test_other_layouts_have_no_such_arguments(name: str) -> None:
    layout: Layout = LAYOUTS[name]
    with pytest.raises(ValueError, match="cannot be said"):
        fsdp_arguments(RECIPE, layout)
