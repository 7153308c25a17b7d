"""The command lines that start a run: plain, torchrun, accelerate, axolotl, LLaMA-Factory.

Options are those of `torch.distributed.run` (torch 2.13), `accelerate launch` (1.15), `axolotl
train` (0.19) and the launcher of LLaMA-Factory (0.9.5), which starts torchrun by itself and takes
its numbers from the environment.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tunewell.plan.launch.layout import FSDP, LaunchFile, Layout, heading
from tunewell.subjects.recipe import Recipe

NAME = "launch.sh"
EXPANDABLE = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
"""The variable has this name since torch 2.0; 2.9 and newer know PYTORCH_ALLOC_CONF too."""

PORT = 29500
"""The port at which PyTorch's processes meet unless told otherwise."""

HEAD, RANK = "${HEAD_ADDRESS:?address of the first machine}", "${NODE_RANK:?0 on the first machine}"
LLAMAFACTORY = frozenset({"llamafactory", "llamafactory-v1"})


def torchrun(layout: Layout) -> str:
    """The line that starts the script with torchrun, on every machine the same.

    On one machine the processes meet by themselves; several meet at the first one's address, which
    the environment gives as HEAD_ADDRESS.
    """
    options = ["--standalone", "--nnodes=1"]
    if layout.nodes > 1:
        options = [
            f"--nnodes={layout.nodes}",
            "--rdzv-id=tunewell",
            "--rdzv-backend=c10d",
            f'--rdzv-endpoint="{HEAD}:{PORT}"',
        ]
    return _line(["torchrun", *options, f"--nproc-per-node={layout.gpus}"], layout.command)


def accelerate(layout: Layout, *, config: str) -> str:
    """The line that starts the script with a file of accelerate.

    Of several machines each is told its number, NODE_RANK, and the first one's address.
    """
    options = ["accelerate", "launch", f"--config_file={shlex.quote(config)}"]
    if layout.nodes > 1:
        options += [
            f'--machine_rank="{RANK}"',
            f'--main_process_ip="{HEAD}"',
            f"--main_process_port={PORT}",
        ]
    return _line(options, layout.command)


def command(recipe: Recipe, layout: Layout, *, config: str | None) -> str:
    """The line for what reads the recipe; `config` is the file of accelerate, if there is one."""
    if recipe.format == "axolotl":
        return _axolotl(layout)
    if recipe.format in LLAMAFACTORY:
        return _llamafactory(layout, config)
    if config is not None:
        return accelerate(layout, config=config)
    return torchrun(layout) if layout.processes > 1 else _line(["python"], layout.command)


def launch_script(
    recipe: Recipe, layout: Layout, *, config: str | None, environment: Sequence[str] = ()
) -> LaunchFile:
    """A shell script with the one line that starts the run.

    Args:
        recipe: what is trained.
        layout: where.
        config: the file of accelerate, if the layout has one.
        environment: variables to set, as "NAME=value".
    """
    reasons = []
    if layout.nodes > 1:
        reasons.append(
            "Run it on every machine, with HEAD_ADDRESS set to the address of the first one and "
            "NODE_RANK to 0, 1, ... in turn; port 29500 must be open between them."
        )
    if EXPANDABLE in environment:
        reasons.append(
            "expandable_segments lets the allocator grow blocks in place: less is lost to gaps "
            "between them. What is learned does not change."
        )
    lines = "".join(f"export {entry}\n" for entry in environment)
    text = (
        f"#!/bin/sh\n{heading(layout, recipe, reasons)}set -eu\n{lines}"
        f"{command(recipe, layout, config=config)}\n"
    )
    return LaunchFile(name=NAME, text=text, purpose=f"starts the run: sh {NAME}")


def _axolotl(layout: Layout) -> str:
    """`axolotl train FILE`, with what torchrun needs behind the two dashes."""
    line = ["axolotl", "train", *map(shlex.quote, layout.command)]
    if layout.nodes > 1:
        line += [
            "--launcher", "torchrun", "--", f"--nnodes={layout.nodes}",
            f"--nproc_per_node={layout.gpus}", "--rdzv_id=tunewell", "--rdzv_backend=c10d",
            f'--rdzv_endpoint="{HEAD}:{PORT}"',
        ]  # fmt: skip
    elif layout.processes > 1:
        line += ["--launcher", "torchrun", "--", f"--nproc_per_node={layout.gpus}"]
    return " ".join(line)


def _llamafactory(layout: Layout, config: str | None) -> str:
    """Its own launcher, or accelerate where FSDP is set in accelerate's file."""
    if layout.strategy in FSDP and config is not None:
        module = ("-m", "llamafactory.launcher", *layout.command)
        options = accelerate(layout, config=config).split(" \\\n")[0]
        return _line([options], module)
    line = ["llamafactory-cli", "train", *map(shlex.quote, layout.command)]
    if layout.processes == 1:
        return " ".join(line)
    settings = ["FORCE_TORCHRUN=1", f"NPROC_PER_NODE={layout.gpus}"]
    if layout.nodes > 1:
        settings += [
            f"NNODES={layout.nodes}",
            f'NODE_RANK="{RANK}"',
            f'MASTER_ADDR="{HEAD}"',
            f"MASTER_PORT={PORT}",
        ]
    return " ".join([*settings, *line])


def _line(start: Sequence[str], rest: Sequence[str]) -> str:
    return f"{' '.join(start)} \\\n  {' '.join(map(shlex.quote, rest))}"
