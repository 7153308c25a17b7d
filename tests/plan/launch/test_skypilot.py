"""A task of SkyPilot.

SkyPilot is not installed here. Tasks made by this module were read once, on 2026-11-27, by
`sky.Task.from_yaml` of SkyPilot 0.14.1 and by its schemas of tasks, resources and storage. The keys
below are facts of these schemas, which refuse any other.
"""

import dataclasses
import subprocess
from typing import Any

import pytest
import yaml
from tests.plan.launch.layouts import LAYOUTS, RECIPE

from tunewell.plan.launch import EXPANDABLE, Cloud
from tunewell.plan.launch.skypilot import NAME, accelerator, packages_of, sky_task
from tunewell.subjects.recipe import Hardware

TASK = {"name", "workdir", "num_nodes", "resources", "file_mounts", "setup", "run", "envs"}
RESOURCES = {"accelerators", "disk_size", "use_spot"}
STORAGE = {"name", "source", "mode"}


def task(name: str, cloud: Cloud) -> tuple[str, dict[str, Any]]:
    config = None if name == "single" else "accelerate.yaml"
    made = sky_task(RECIPE, LAYOUTS[name], config=config, cloud=cloud, environment=(EXPANDABLE,))
    assert made.name == NAME
    return made.text, yaml.safe_load(made.text)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("cloud", [Cloud(), Cloud(spot=True, bucket="s3://runs", disk_gb=512)])
def test_it_has_only_keys_that_skypilot_takes(name: str, cloud: Cloud) -> None:
    _, values = task(name, cloud)
    assert set(values) <= TASK
    assert set(values["resources"]) <= RESOURCES
    assert values["resources"]["disk_size"] == cloud.disk_gb
    assert values["resources"]["accelerators"].endswith(f":{LAYOUTS[name].gpus}")
    assert values.get("num_nodes", 1) == LAYOUTS[name].nodes
    for mounted in values.get("file_mounts", {}).values():
        assert set(mounted) <= STORAGE
        assert mounted["mode"] == "MOUNT"
    assert values["envs"] == {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    assert all(isinstance(values[key], str) for key in ("setup", "run", "name", "workdir"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_it_runs_is_a_shell_script(name: str) -> None:
    _, values = task(name, Cloud())
    for key in ("setup", "run"):
        done = subprocess.run(["/bin/sh", "-n"], input=values[key], text=True, check=False)
        assert done.returncode == 0, values[key]


def test_machines_learn_their_number_and_the_first_ones_address() -> None:
    _, values = task("zero3", Cloud())
    run = values["run"].replace("accelerate launch", "echo")
    shown = subprocess.run(
        ["/bin/sh", "-c", run],
        env={"PATH": "/usr/bin:/bin", "SKYPILOT_NODE_IPS": "10.0.0.7\n10.0.0.8",
             "SKYPILOT_NODE_RANK": "1"},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert "--machine_rank=1 --main_process_ip=10.0.0.7" in shown.stdout


def test_a_spot_machine_keeps_its_checkpoints_or_says_what_is_lost() -> None:
    kept, values = task("ddp", Cloud(spot=True, bucket="my-runs"))
    assert values["file_mounts"] == {"/checkpoints": {"name": "my-runs", "mode": "MOUNT"}}
    assert "sky jobs launch" in kept
    assert "resume_from_checkpoint" in kept
    lost, _ = task("ddp", Cloud(spot=True))
    assert "begins at step 0" in lost


def test_a_machine_that_is_paid_for_is_given_back() -> None:
    text, _ = task("single", Cloud())
    assert "sky launch -i 10 --down" in text


@pytest.mark.parametrize(
    ("gpu", "name"),
    [("H100 80GB HBM3", "H100"), ("A100-SXM4-80GB", "A100-80GB"), ("L4", "L4"), ("X9000", None)],
)
def test_gpus_have_skypilots_names(gpu: str, name: str | None) -> None:
    assert accelerator(gpu) == name


def test_an_unknown_gpu_is_asked_for_by_its_own_name() -> None:
    layout = dataclasses.replace(LAYOUTS["single"], gpu="X9000")
    text = sky_task(RECIPE, layout, config=None).text
    assert yaml.safe_load(text)["resources"]["accelerators"] == "X9000:1"
    assert "sky show-gpus" in text


def test_it_installs_what_the_recipe_needs() -> None:
    quantized = dataclasses.replace(
        RECIPE, method="qlora", hardware=Hardware(load_in_4bit=True), optim="paged_adamw_8bit"
    )
    found = packages_of(quantized, LAYOUTS["zero2, states offloaded"])
    assert {"trl", "peft", "bitsandbytes", "deepspeed"} <= set(found)
    assert packages_of(dataclasses.replace(RECIPE, format="axolotl"), LAYOUTS["ddp"]) == (
        "axolotl",
    )
    plain = dataclasses.replace(RECIPE, format="transformers")
    assert not {"trl", "peft", "bitsandbytes", "deepspeed"} & set(
        packages_of(plain, LAYOUTS["ddp"])
    )
