"""Every file that a layout needs."""

from __future__ import annotations

from collections.abc import Sequence

from tunewell.plan.launch.accelerate import accelerate_config
from tunewell.plan.launch.deepspeed import deepspeed_config
from tunewell.plan.launch.layout import FSDP, LaunchFile, Layout
from tunewell.plan.launch.skypilot import Cloud, sky_task
from tunewell.plan.launch.start import LLAMAFACTORY, launch_script
from tunewell.plan.launch.trainer_fsdp import fsdp_block, shards_by_arguments
from tunewell.subjects.recipe import Recipe

ALONE = frozenset({"axolotl", *LLAMAFACTORY})
"""Formats whose own program starts the processes."""


def launch_files(
    recipe: Recipe,
    layout: Layout,
    *,
    cloud: Cloud | None = None,
    environment: Sequence[str] = (),
) -> tuple[LaunchFile, ...]:
    """The files that start a recipe as a layout says: settings first, `launch.sh` after them.

    Args:
        recipe: what is trained. Its own file is not touched: `launch_edits` says what it needs.
        layout: where it is trained.
        cloud: with it a task of SkyPilot too.
        environment: variables to set, as "NAME=value".
    """
    files: list[LaunchFile] = []
    config: str | None = None
    if layout.stage is not None:
        files.append(deepspeed_config(recipe, layout))
    if _by_accelerate(recipe, layout):
        file = accelerate_config(recipe, layout)
        config = file.name
        files.append(file)
    if shards_by_arguments(layout) and recipe.format not in ALONE:
        files.append(fsdp_block(recipe, layout))
    files.append(launch_script(recipe, layout, config=config, environment=environment))
    if cloud is not None:
        task = sky_task(recipe, layout, config=config, cloud=cloud, environment=environment)
        files.append(task)
    return tuple(files)


def _by_accelerate(recipe: Recipe, layout: Layout) -> bool:
    """Whether a file of accelerate says how it is shared out."""
    if layout.processes == 1 and layout.stage is None and layout.strategy not in FSDP:
        return False
    if recipe.format == "axolotl":
        return False
    return recipe.format not in LLAMAFACTORY or layout.strategy in FSDP
