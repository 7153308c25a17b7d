"""Which files a layout needs, and what it needs of the recipe's own file."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from tests.plan.launch.layouts import LAYOUTS, RECIPE

from tunewell.fixes.config_files import edit_text
from tunewell.plan.launch import Cloud, launch_edits, launch_files
from tunewell.plan.launch.own_keys import _axolotl
from tunewell.readers.recipes import read_config

AXOLOTL = """# a run
base_model: Qwen/Qwen2.5-7B
datasets:
  - path: a.jsonl
    type: alpaca
micro_batch_size: 2
num_epochs: 1
learning_rate: 1e-5
"""
FACTORY = """model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
finetuning_type: full
template: qwen
cutoff_len: 2048
learning_rate: 1.0e-5
"""
FSDP_KEYS = {
    "offload_params", "cpu_ram_efficient_loading", "auto_wrap_policy", "state_dict_type",
    "reshard_after_forward", "activation_checkpointing", "transformer_layer_cls_to_wrap",
}  # fmt: skip
"""Fields of axolotl 0.19's `FSDPConfig` (axolotl/utils/schemas/fsdp.py)."""


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("trl", "single", ["launch.sh"]),
        ("trl", "ddp", ["accelerate.yaml", "launch.sh"]),
        ("trl", "zero3", ["deepspeed.json", "accelerate.yaml", "launch.sh"]),
        ("trl", "fsdp", ["accelerate.yaml", "fsdp_arguments.yaml", "launch.sh"]),
        ("trl", "fsdp-hybrid", ["accelerate.yaml", "launch.sh"]),
        ("axolotl", "ddp", ["launch.sh"]),
        ("axolotl", "zero3", ["deepspeed.json", "launch.sh"]),
        ("axolotl", "fsdp", ["launch.sh"]),
        ("llamafactory", "zero3", ["deepspeed.json", "launch.sh"]),
        ("llamafactory", "fsdp", ["accelerate.yaml", "launch.sh"]),
    ],
)
def test_each_format_gets_what_it_reads(kind: str, name: str, expected: list[str]) -> None:
    recipe = dataclasses.replace(RECIPE, format=kind)
    files = launch_files(recipe, LAYOUTS[name])
    assert [file.name for file in files] == expected
    task = launch_files(recipe, LAYOUTS[name], cloud=Cloud())[-1]
    assert task.name == "task.sky.yaml"
    names = {file.name for file in files} - {"launch.sh"}
    assert all(each in task.text for each in names if each.startswith(("acc", "deep")))


def test_a_file_names_the_other() -> None:
    files = {file.name: file.text for file in launch_files(RECIPE, LAYOUTS["zero3"])}
    config = yaml.safe_load(files["accelerate.yaml"])
    assert config["deepspeed_config"]["deepspeed_config_file"] in files
    assert "accelerate.yaml" in files["launch.sh"]


def edited(text: str, name: str, layout: str, folder: Path) -> str:
    path = folder / name
    path.write_text(text)
    recipe = read_config(path)
    return edit_text(text, path.suffix, launch_edits(recipe, LAYOUTS[layout]))


def test_axolotl_shards_by_its_own_keys(tmp_path: Path) -> None:
    new = edited(AXOLOTL, "run.yaml", "fsdp", tmp_path)
    values = yaml.safe_load(new)
    assert values["fsdp_version"] == 2
    assert set(values["fsdp_config"]) == FSDP_KEYS
    assert values["fsdp_config"]["transformer_layer_cls_to_wrap"] == "Qwen2DecoderLayer"
    assert new.startswith(AXOLOTL)
    (tmp_path / "new.yaml").write_text(new)
    assert read_config(tmp_path / "new.yaml").hardware.fsdp == values["fsdp_config"]


def test_axolotl_copies_between_machines() -> None:
    recipe = dataclasses.replace(RECIPE, format="axolotl")
    made = _axolotl(recipe, LAYOUTS["fsdp-hybrid"])
    assert (made["dp_shard_size"], made["dp_replicate_size"]) == (8, 2)


@pytest.mark.parametrize(("text", "name"), [(AXOLOTL, "run.yaml"), (FACTORY, "train.yaml")])
def test_deepspeeds_file_is_named_where_the_format_reads_it(
    text: str, name: str, tmp_path: Path
) -> None:
    new = edited(text, name, "zero3", tmp_path)
    file = launch_files(RECIPE, LAYOUTS["zero3"])[0]
    (tmp_path / file.name).write_text(file.text)
    (tmp_path / "new.yaml").write_text(new)
    read = read_config(tmp_path / "new.yaml").hardware.deepspeed
    assert read is not None
    assert read["zero_optimization"]["stage"] == 3


def test_a_recipe_that_accelerate_starts_stays_as_it_is(tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, file=tmp_path / "run.yaml")
    assert launch_edits(recipe, LAYOUTS["zero3"]) == ()
    script = dataclasses.replace(RECIPE, format="axolotl", file=tmp_path / "run.py")
    assert launch_edits(script, LAYOUTS["fsdp"]) == ()
