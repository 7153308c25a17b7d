"""The file of accelerate, read by accelerate itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.plan.launch.layouts import LAYOUTS, RECIPE, RECOMPUTING, SHARED

from tunewell.plan.launch import Layout
from tunewell.plan.launch.accelerate import accelerate_config


def written(layout: Layout, folder: Path) -> Path:
    file = accelerate_config(RECIPE, layout)
    path = folder / file.name
    path.write_text(file.text)
    return path


def launched(path: Path, layout: Layout) -> Any:  # noqa: ANN401  a namespace
    """The arguments of `accelerate launch` after it has read and checked the file."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    machine = ["--machine_rank=1", "--main_process_ip=10.0.0.1", "--main_process_port=29500"]
    line = [f"--config_file={path}", *(machine if layout.nodes > 1 else []), "train.py"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(line))
    return arguments


@pytest.mark.parametrize("name", SHARED)
def test_accelerate_reads_it_and_starts_all_processes(name: str, tmp_path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    layout = SHARED[name]
    path = written(layout, tmp_path)
    config = load_config_from_file(str(path))
    assert config.num_processes == layout.processes
    assert config.num_machines == layout.nodes
    arguments = launched(path, layout)
    assert arguments.num_processes == layout.processes
    assert arguments.use_deepspeed == (layout.stage is not None)
    assert arguments.use_fsdp == layout.strategy.startswith("fsdp")
    assert arguments.multi_gpu == (layout.strategy == "ddp")
    assert arguments.machine_rank == (1 if layout.nodes > 1 else 0)


@pytest.mark.parametrize("name", [name for name in SHARED if name.startswith("fsdp")])
def test_the_processes_are_told_what_fsdp_is_to_do(name: str, tmp_path: Path) -> None:
    from accelerate.utils.launch import prepare_multi_gpu_env

    layout = SHARED[name]
    told = prepare_multi_gpu_env(launched(written(layout, tmp_path), layout))
    assert told["FSDP_VERSION"] == "2"
    assert told["FSDP_RESHARD_AFTER_FORWARD"] == "true"
    assert told["FSDP_OFFLOAD_PARAMS"] == str(layout.offload == "parameters").lower()
    assert told["FSDP_ACTIVATION_CHECKPOINTING"] == str(layout.checkpointing).lower()
    assert told.get("FSDP_TRANSFORMER_CLS_TO_WRAP") == layout.layer
    assert told["ACCELERATE_MIXED_PRECISION"] == layout.precision
    if layout.strategy == "fsdp-hybrid":
        assert told["PARALLELISM_CONFIG_DP_REPLICATE_SIZE"] == "2"
        assert told["PARALLELISM_CONFIG_DP_SHARD_SIZE"] == "8"
    else:
        assert "PARALLELISM_CONFIG_DP_SHARD_SIZE" not in told


@pytest.mark.parametrize("name", [name for name in SHARED if name.startswith("zero")])
def test_beside_a_file_of_deepspeed_nothing_is_said_twice(name: str, tmp_path: Path) -> None:
    from accelerate.utils.dataclasses import DeepSpeedPlugin

    path = written(SHARED[name], tmp_path)
    values = yaml.safe_load(path.read_text())
    # What `DeepSpeedPlugin._deepspeed_config_checks` refuses beside deepspeed_config_file.
    keys = {"deepspeed_config_file", "zero3_init_flag"}
    if SHARED[name].nodes > 1:
        keys.add("deepspeed_multinode_launcher")
    assert set(values["deepspeed_config"]) == keys
    assert "mixed_precision" not in values
    assert hasattr(DeepSpeedPlugin, "_deepspeed_config_checks")
    assert values["deepspeed_config"]["zero3_init_flag"] == (SHARED[name].strategy == "zero3")


def test_deepspeed_is_started_on_each_machine(tmp_path: Path) -> None:
    from accelerate.utils.constants import DEEPSPEED_MULTINODE_LAUNCHERS

    layout = SHARED["zero3"]
    chosen = launched(written(layout, tmp_path), layout).deepspeed_multinode_launcher
    assert chosen == "standard"
    assert chosen in DEEPSPEED_MULTINODE_LAUNCHERS


def test_fp32_is_no_mixed_precision(tmp_path: Path) -> None:
    layout = LAYOUTS["ddp on two machines"]
    assert launched(written(layout, tmp_path), layout).mixed_precision == "no"


def test_layers_are_not_recomputed_twice() -> None:
    text = accelerate_config(RECOMPUTING, LAYOUTS["fsdp"]).text
    assert yaml.safe_load(text)["fsdp_config"]["fsdp_activation_checkpointing"] is False
    assert "recipe's own gradient_checkpointing" in text


@pytest.mark.parametrize("name", LAYOUTS)
def test_it_begins_with_who_wrote_it(name: str) -> None:
    first = accelerate_config(RECIPE, LAYOUTS[name]).text.splitlines()[0]
    assert first.startswith("# Written by `tunewell plan --fit` for Qwen/Qwen2.5-7B on ")
