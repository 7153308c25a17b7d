"""HW014 device-map-in-distributed-run, beside what accelerate says of such a model."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.tiny_trainers import language_model

from tunewell.checks.hardware.device_map_in_distributed_run import device_map_in_distributed_run
from tunewell.core.finding import Confidence
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check


def recipe(device_map: str | None = "auto", **hardware: Any) -> Recipe:  # noqa: ANN401
    """A recipe on such hardware."""
    return Recipe(hardware=Hardware(device_map=device_map, **hardware), format="transformers")


def machine(gpus: int | None) -> Machine:
    """A machine with so many GPUs."""
    return Machine(8, 2**36, 10**12, "A100-SXM4-80GB", 80 * 2**30, gpus)


class TestDeviceMapInDistributedRun(CheckCases):
    """Planted, nearly faulty and clean placements."""

    check = device_map_in_distributed_run
    faulty = {
        "four processes": (recipe(world_size=4), machine(4)),
        "machine not known": (recipe(world_size=4),),
        "FSDP": (recipe("balanced", fsdp={"version": 2}), machine(8)),
        "DeepSpeed": (recipe(deepspeed={"zero_optimization": {}}), machine(8)),
    }
    nearly = {
        "one GPU on each machine": (recipe(world_size=4), machine(1)),
        "one process": (recipe(world_size=1), machine(4)),
        "a place for each process": (recipe("{'': 0}", world_size=4), machine(4)),
    }
    clean = {"no map": (recipe(None, world_size=4), machine(4))}


@pytest.mark.reproduces("P16")
def test_accelerate_really_refuses_it() -> None:
    """Two entries in the model's map and a distributed mode, as accelerate tests for them."""
    from accelerate import Accelerator
    from accelerate.utils import DistributedType

    accelerator = Accelerator(cpu=True)
    model = language_model()
    model.hf_device_map = {"model.embed_tokens": 0, "model.layers": 1}
    before = accelerator.state.distributed_type
    accelerator.state.distributed_type = DistributedType.MULTI_GPU
    try:
        with pytest.raises(ValueError, match="any distributed mode"):
            accelerator.prepare_model(model)
        model.hf_device_map = {"": "cpu"}
        accelerator.state.distributed_type = DistributedType.NO
        assert accelerator.prepare_model(model) is model
    finally:
        accelerator.state.distributed_type = before
    found = run_check(device_map_in_distributed_run, (recipe(world_size=2), machine(2)))
    assert found.findings[0].confidence is Confidence.HIGH
