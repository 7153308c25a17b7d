"""The lines that start a run, read by the programs that they start."""

import dataclasses
import os
import shlex
import subprocess
from typing import Any

import pytest
from tests.plan.launch.layouts import LAYOUTS, RECIPE

from tunewell.plan.launch import EXPANDABLE, Layout
from tunewell.plan.launch.start import accelerate, command, launch_script, torchrun

TWO = LAYOUTS["ddp on two machines"]
SURROUNDINGS = {"HEAD_ADDRESS": "10.0.0.1", "NODE_RANK": "1"}


def words(line: str) -> list[str]:
    """The words of a line as a shell gives them to the program."""
    shown = subprocess.run(
        ["/bin/sh", "-c", f"set -eu; printf '%s\\n' {line}"],
        env={"PATH": os.environ["PATH"], **SURROUNDINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.splitlines()


def parsed_by_torch(words_after: list[str]) -> Any:  # noqa: ANN401  a namespace
    from torch.distributed.run import get_args_parser

    return get_args_parser().parse_args(words_after)


def run_by_torch(layout: Layout) -> Any:  # noqa: ANN401  a namespace

    program, *rest = words(torchrun(layout))
    assert program == "torchrun"
    return parsed_by_torch(rest)


def test_torchrun_on_one_machine() -> None:
    arguments = run_by_torch(LAYOUTS["ddp"])
    assert arguments.standalone
    assert arguments.nproc_per_node == "4"
    assert arguments.training_script == "train.py"
    assert arguments.training_script_args == ["--name", "a b"]


def test_torchrun_on_two_machines_meets_at_the_first() -> None:
    arguments = run_by_torch(TWO)
    assert arguments.nnodes == "2"
    assert arguments.rdzv_backend == "c10d"
    assert arguments.rdzv_endpoint == "10.0.0.1:29500"
    assert not arguments.standalone


def test_a_machine_without_the_first_ones_address_does_not_start() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"echo {torchrun(TWO)}"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "address of the first machine" in done.stderr


def test_accelerate_is_told_the_machines_number() -> None:
    from accelerate.commands.launch import launch_command_parser

    program, verb, *rest = words(accelerate(TWO, config="accelerate.yaml"))
    assert (program, verb) == ("accelerate", "launch")
    arguments = launch_command_parser().parse_args(rest)
    assert arguments.config_file == "accelerate.yaml"
    assert arguments.machine_rank == 1
    assert arguments.main_process_ip == "10.0.0.1"
    assert arguments.training_script == "train.py"


def test_one_gpu_needs_no_launcher() -> None:
    assert words(command(RECIPE, LAYOUTS["single"], config=None)) == ["python", "train.py"]


def test_axolotl_starts_torchrun_itself() -> None:
    recipe = dataclasses.replace(RECIPE, format="axolotl")
    layout = dataclasses.replace(TWO, command=("run.yaml",))
    line = words(command(recipe, layout, config=None))
    assert line[:3] == ["axolotl", "train", "run.yaml"]
    after = line[line.index("--") + 1 :]
    arguments = parsed_by_torch([*after, "axolotl"])
    assert arguments.nnodes == "2"
    assert arguments.nproc_per_node == "4"
    assert arguments.rdzv_endpoint == "10.0.0.1:29500"


def test_llamafactory_takes_its_numbers_from_the_environment() -> None:
    recipe = dataclasses.replace(RECIPE, format="llamafactory")
    layout = dataclasses.replace(TWO, command=("run.yaml",))
    line = shlex.split(command(recipe, layout, config=None))
    assert line[-3:] == ["llamafactory-cli", "train", "run.yaml"]
    assert "FORCE_TORCHRUN=1" in line
    assert {"NNODES=2", "NPROC_PER_NODE=4", "MASTER_PORT=29500"} <= set(line)


def test_llamafactory_with_fsdp_goes_through_accelerate() -> None:
    from accelerate.commands.launch import launch_command_parser

    recipe = dataclasses.replace(RECIPE, format="llamafactory")
    layout = dataclasses.replace(LAYOUTS["fsdp"], command=("run.yaml",))
    _, _, *rest = words(command(recipe, layout, config="accelerate.yaml"))
    arguments = launch_command_parser().parse_args(rest)
    assert arguments.module
    assert arguments.training_script == "llamafactory.launcher"
    assert arguments.training_script_args == ["run.yaml"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_script_is_a_shell_script(name: str) -> None:
    layout = LAYOUTS[name]
    script = launch_script(RECIPE, layout, config="accelerate.yaml", environment=(EXPANDABLE,))
    done = subprocess.run(["/bin/sh", "-n"], input=script.text, text=True, check=False)
    assert done.returncode == 0
    lines = script.text.splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[1].startswith("# Written by `tunewell plan --fit`")
    assert f"export {EXPANDABLE}" in lines
