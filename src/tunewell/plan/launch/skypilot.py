"""A task of SkyPilot: the run on a machine of a cloud, with the files it needs.

Keys are those of `sky.utils.schemas.get_task_schema` and of its resources schema, SkyPilot 0.14.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tunewell.knowledge.gpus import UnknownGpuError, resolve
from tunewell.plan.launch.deepspeed import NAME as DEEPSPEED_FILE
from tunewell.plan.launch.layout import LaunchFile, Layout, heading
from tunewell.plan.launch.start import LLAMAFACTORY, command
from tunewell.plan.launch.words import Value, yaml_text
from tunewell.subjects.recipe import Recipe

NAME = "task.sky.yaml"
DISK_GB = 256
"""SkyPilot's own default (DEFAULT_DISK_SIZE_GB of sky/resources.py)."""

CHECKPOINTS = "/checkpoints"


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a task asks of a cloud.

    `disk_gb` holds the model, the data and the checkpoints. `spot` takes a machine that may be
    taken away, for which `bucket` (a URL such as "s3://runs", or the name of one to make) keeps the
    checkpoints. `packages` are what pip installs; by default what the recipe needs.
    """

    name: str = "finetune"
    disk_gb: int = DISK_GB
    spot: bool = False
    bucket: str | None = None
    packages: tuple[str, ...] | None = None


def accelerator(gpu: str) -> str | None:
    """SkyPilot's name of a GPU, None where the table of GPUs has none."""
    try:
        return resolve(gpu).gpu.skypilot
    except UnknownGpuError:
        return None


def sky_task(
    recipe: Recipe,
    layout: Layout,
    *,
    config: str | None,
    cloud: Cloud = Cloud(),
    environment: Sequence[str] = (),
) -> LaunchFile:
    """The task that runs a layout on a cloud.

    Args:
        recipe: what is trained.
        layout: where; its GPU goes by the name that SkyPilot has for it, or as it stands.
        config: the file of accelerate, if the layout has one; it is sent along with the folder.
        cloud: what is asked of the cloud.
        environment: variables to set, as "NAME=value".
    """
    gpu = layout.gpu or "A100"
    resources: dict[str, Value] = {
        "accelerators": f"{accelerator(gpu) or gpu}:{layout.gpus}",
        "disk_size": cloud.disk_gb,
        "use_spot": cloud.spot,
    }
    values: dict[str, Value] = {"name": cloud.name, "resources": resources}
    if layout.nodes > 1:
        values["num_nodes"] = layout.nodes
    values["workdir"] = "."
    if cloud.bucket is not None:
        source = "source" if "://" in cloud.bucket else "name"
        values["file_mounts"] = {CHECKPOINTS: {source: cloud.bucket, "mode": "MOUNT"}}
    if environment:
        values["envs"] = {entry.partition("=")[0]: entry.partition("=")[2] for entry in environment}
    packages = cloud.packages or packages_of(recipe, layout)
    values["setup"] = f"pip install {' '.join(packages)}\n"
    values["run"] = _run(recipe, layout, config)
    return LaunchFile(
        name=NAME,
        text=heading(layout, recipe, _reasons(layout, cloud, gpu, config)) + yaml_text(values),
        purpose="a task of SkyPilot",
    )


def packages_of(recipe: Recipe, layout: Layout) -> tuple[str, ...]:
    """What pip must install to run a recipe as a layout says."""
    if recipe.format == "axolotl":
        found = ["axolotl"]
    elif recipe.format in LLAMAFACTORY:
        found = ["llamafactory"]
    elif recipe.format == "tunewell":
        found = ["'tunewell[train]'"]
    else:
        found = ["torch", "transformers", "accelerate", "datasets"]
        found += ["trl"] if recipe.format == "trl" else []
        found += ["peft"] if recipe.method in {"lora", "qlora"} else []
    hardware = recipe.hardware
    if (
        hardware.load_in_4bit
        or hardware.load_in_8bit
        or "bnb" in recipe.optim
        or ("8bit" in recipe.optim or recipe.optim.startswith("paged"))
    ):
        found.append("bitsandbytes")
    found += ["deepspeed"] if layout.stage is not None else []
    return tuple(found)


def _run(recipe: Recipe, layout: Layout, config: str | None) -> str:
    start = ""
    if layout.nodes > 1:
        start = (
            'export HEAD_ADDRESS="$(echo "$SKYPILOT_NODE_IPS" | head -n 1)"\n'
            'export NODE_RANK="$SKYPILOT_NODE_RANK"\n'
        )
    return f"set -eu\n{start}{command(recipe, layout, config=config)}\n"


def _reasons(layout: Layout, cloud: Cloud, gpu: str, config: str | None) -> list[str]:
    files = [DEEPSPEED_FILE] if layout.stage is not None else []
    files += [config] if config is not None else []
    reasons = [
        f"disk_size, in GB, holds the model, the data and the checkpoints of {cloud.name}.",
        "workdir is the folder that is sent: start it where the recipe and its data are"
        + (f", with {' and '.join(files)}." if files else "."),
    ]
    if accelerator(gpu) is None:
        reasons.append(f"{gpu} has no name of SkyPilot's that is known here: see `sky show-gpus`.")
    if cloud.spot:
        reasons.append(
            f"Start it with: sky jobs launch {NAME}. A spot machine costs less and can be taken "
            "away at any time; the job then starts anew on another one."
        )
        reasons.append(
            f"So that it goes on where it stopped, save to {CHECKPOINTS} and resume from the last "
            "checkpoint (output_dir, save_steps, resume_from_checkpoint)."
            if cloud.bucket is not None
            else "Without a bucket for its checkpoints it begins at step 0 each time: name one."
        )
    else:
        reasons.append(
            f"Start it with: sky launch -i 10 --down {NAME}. The machine is then given back ten "
            "minutes after the run has ended; without -i it costs until someone takes it down."
        )
    if layout.nodes > 1:
        reasons.append("The first machine's address and each one's number come from SkyPilot.")
    return reasons
