"""HW011 bf16-without-hardware, beside what transformers says without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.checks.tiny_trainers import arguments

from tunewell.checks.hardware.bf16_without_hardware import bf16_without_hardware
from tunewell.core.finding import Severity
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases, run_check


def machine(gpu: str | None) -> Machine:
    """A machine with one such GPU, or none."""
    size = None if gpu is None else 16 * 2**30
    return Machine(8, 2**36, 10**12, gpu, size, 0 if gpu is None else 1)


def recipe(precision: str = "bf16", **more: object) -> Recipe:
    """A recipe of transformers."""
    return Recipe(precision=precision, **{"format": "transformers", **more})  # type: ignore[arg-type]


NO_CUDA = (Written("TrainingArguments", "no_cuda", value=True, place=Place()),)


class TestBf16WithoutHardware(CheckCases):
    """Planted, nearly faulty and clean machines."""

    check = bf16_without_hardware
    faulty = {
        "a T4": (recipe(), machine("Tesla T4")),
        "a V100": (recipe(), machine("Tesla V100-SXM2-16GB")),
        "no GPU": (recipe(), machine(None)),
    }
    nearly = {
        "an unknown GPU": (recipe(), machine("Quadro RTX 9999")),
        "fp16 on a T4": (recipe("fp16"), machine("Tesla T4")),
        "on the CPU by will": (recipe(hardware=Hardware(use_cpu=True)), machine(None)),
        "on the CPU by its older name": (recipe(written=NO_CUDA), machine(None)),
        "Tunewell's own": (recipe(format="tunewell"), machine(None)),
    }
    clean = {"an A100": (recipe(), machine("NVIDIA A100-SXM4-40GB"))}


def test_transformers_really_refuses_it_without_a_gpu(tmp_path: Path) -> None:
    """The condition is torch's own; with `use_cpu` it is let through."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ValueError, match="doesn't support bf16/gpu"):
        arguments(tmp_path, use_cpu=False, bf16=True)
    assert arguments(tmp_path, bf16=True).bf16
    found = run_check(bf16_without_hardware, (recipe(), machine(None))).findings[0]
    assert found.severity is Severity.INFO
