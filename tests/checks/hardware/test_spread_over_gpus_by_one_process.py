"""HW013 spread-over-gpus-by-one-process. Two GPUs are needed to see it happen: the rule alone."""

from __future__ import annotations

from typing import Any

from tunewell.checks.hardware.spread_over_gpus_by_one_process import (
    spread_over_gpus_by_one_process,
)
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check


def machine(gpus: int | None) -> Machine:
    """A machine with so many GPUs."""
    return Machine(8, 2**36, 10**12, "A100-SXM4-80GB", 80 * 2**30, gpus)


def recipe(*, format: str = "transformers", task: str = "sft", **hardware: Any) -> Recipe:  # noqa: A002, ANN401
    """A recipe on such hardware."""
    return Recipe(task=task, format=format, hardware=Hardware(**hardware))


class TestSpreadOverGpusByOneProcess(CheckCases):
    """Planted, nearly faulty and clean machines."""

    check = spread_over_gpus_by_one_process
    faulty = {
        "one process, four GPUs": (recipe(world_size=1), machine(4)),
        "processes not known": (recipe(), machine(4)),
        "TRL": (recipe(format="trl", world_size=1), machine(2)),
        "split by device_map": (recipe(world_size=1, device_map="auto"), machine(2)),
    }
    nearly = {
        "a process for each": (recipe(world_size=4), machine(4)),
        "DeepSpeed": (recipe(deepspeed={"zero_optimization": {}}), machine(4)),
        "axolotl launches by itself": (recipe(format="axolotl"), machine(4)),
        "quantised weights are never copied": (recipe(world_size=1, load_in_4bit=True), machine(4)),
    }
    clean = {
        "one GPU": (recipe(world_size=1), machine(1)),
        "none": (recipe(world_size=1), machine(0)),
        "not known": (recipe(world_size=1), machine(None)),
    }


def test_only_what_is_known_to_be_refused_is_an_error() -> None:
    """Without the number of processes it is information."""
    levels = [
        (found.severity, found.confidence)
        for said in (
            recipe(format="trl", world_size=1),
            recipe(world_size=1),
            recipe(format="trl"),
        )
        for found in run_check(spread_over_gpus_by_one_process, (said, machine(2))).findings
    ]
    assert levels == [
        (Severity.ERROR, Confidence.HIGH),
        (Severity.WARNING, Confidence.MEDIUM),
        (Severity.INFO, Confidence.MEDIUM),
    ]
