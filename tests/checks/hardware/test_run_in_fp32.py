"""HW062 run-in-fp32."""

from __future__ import annotations

import dataclasses

from tests.checks.runs import run

from tunewell.checks.hardware.run_in_fp32 import run_in_fp32
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases


def state(*dtypes: str) -> ModelState:
    """A model with a tensor of each of these types."""
    tensors = tuple(
        TensorStep(
            f"layer.{n}", trainable=True, in_optimizer=1, gradient_norm=1.0, moved=True, dtype=dtype
        )
        for n, dtype in enumerate(dtypes)
    )
    return ModelState(tensors, 1e-4)


def ran(gpu: str | None = "NVIDIA A100-SXM4-40GB", **settings: object) -> Trace:
    """A run of the Trainer on this GPU."""
    said = {"bf16": False, "fp16": False, "tf32": None, "torch_compile": False, **settings}
    (trace,) = run({"loss": [1.0] * 30}, settings=said, gpu_name=gpu, framework="transformers")
    return trace


WIDE = state("float32", "float32")


class TestRunInFp32(CheckCases):
    """Settings and weights of a run on an A100."""

    check = run_in_fp32
    faulty = {"as it comes": (ran(), WIDE), "on a T4": (ran("Tesla T4"), WIDE)}
    nearly = {
        "TF32": (ran(tf32=True), WIDE),
        "compiled": (ran(torch_compile=True), WIDE),
        "16-bit weights under fp32 adapters": (ran(), state("float32", "bfloat16")),
        "not known": (ran(), state("", "float32")),
        "an unknown GPU": (ran("Quadro RTX 9999"), WIDE),
        "on the processor": (ran(None), WIDE),
        "a loop, which may cast by itself": (dataclasses.replace(ran(), framework=None), WIDE),
        "a model that stands in": (ran(), dataclasses.replace(WIDE, stand_in=True)),
    }
    clean = {"bf16": (ran(bf16=True), WIDE)}
