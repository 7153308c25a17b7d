"""HW049 fp32-on-a-fast-gpu."""

from __future__ import annotations

from typing import Any

from tests.checks.hardware.gpus import BERT, gpu, no_gpu

from tunewell.checks.hardware.fp32_on_a_fast_gpu import fp32_on_a_fast_gpu
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check


def recipe(precision: str = "fp32", **hardware: Any) -> Recipe:  # noqa: ANN401
    """A recipe of transformers whose weights are float32 where nothing else is said."""
    given = Hardware(**{"dtype": "float32", **hardware})
    return Recipe(precision=precision, format="transformers", hardware=given)


class TestFp32OnAFastGpu(CheckCases):
    """Precisions on an A100 and others."""

    check = fp32_on_a_fast_gpu
    faulty = {
        "an A100": (recipe(), gpu(40), BERT),
        "a T4": (recipe(), gpu(16, "Tesla T4"), BERT),
        "Tunewell's own recipe": (Recipe(), gpu(40), BERT),
    }
    nearly = {
        "TF32": (recipe(tf32=True), gpu(40), BERT),
        "compiled, which switches TF32 on": (recipe(torch_compile=True), gpu(40), BERT),
        "16-bit weights": (recipe(dtype="bfloat16"), gpu(40), BERT),
        "weights of unknown precision": (recipe(dtype=None), gpu(40), BERT),
        "packed weights": (recipe(load_in_4bit=True), gpu(40), BERT),
        "on the processor by will": (recipe(use_cpu=True), gpu(40), BERT),
        "an unknown GPU": (recipe(), gpu(40, "Quadro RTX 9999"), BERT),
        "no GPU": (recipe(), no_gpu(), BERT),
    }
    clean = {"bf16": (recipe("bf16"), gpu(40), BERT)}


def test_a_t4_is_told_of_fp16() -> None:
    """It has no units for bf16."""
    found = run_check(fp32_on_a_fast_gpu, (recipe(), gpu(16, "Tesla T4"), BERT)).findings[0]
    assert "8 times as many operations a second in fp16" in found.message
