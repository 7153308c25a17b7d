"""Predicted memory against what was measured: on an H200 by ourselves, on T4s by others.

The H200 ran PyTorch 2.11 and transformers 5.17. A figure that is off by more than the bounds is
named with its reason, and held to be no worse than it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from benchmarks.gpu_memory.compare import described, row, stepped_never
from tests.simulate.running import answered, simulated

from tunewell.plan.step import Step

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LINES = (BENCHMARKS / "results/gpu_memory/h200.jsonl").read_text().splitlines()
RUNS: dict[str, dict[str, Any]] = {
    line["name"]: line
    for line in map(json.loads, LINES)
    if line["kind"] == "step" and line["status"] == "ran" and not stepped_never(line)
}
T4 = json.loads((BENCHMARKS / "data/t4_measured.json").read_text())

QUICK = (
    "distilbert.full.fp32.b32x128",
    "distilbert.full.amp-fp16.b16x512.padded",
    "bert.full.fp32.b16x128",
    "bert.full.amp-bf16.b32x128.padded",
    "gpt2.full.fp32.b8x512",
    "smollm2.full.fp32.b4x512",
    "qwen2.5-0.5b.full.bf16.b4x1024",
    "qwen2.5-0.5b.nf4.lora16.b4x1024.ckpt",
    "vit-base.lora16.fp32.b32.eager",
    "bart-base.full.fp32.b8x512-128.generate",
    "mixtral-small.full.bf16.b4x1024",
    "llama-3.2-1b.int8.lora16.amp-fp16.b2x1024",
)
ALLOCATED, RESERVED = 1.0, 6.0
"""Most per cent that a prediction may be off."""
MEAN = 0.3
OTHER_TRANSFORMERS = {
    "t5-base.full.fp32.b8x512-128",
    "t5-base.full.amp-bf16.b8x512-128.padded",
    "t5-base.lora16.bf16.b16x512-64",
}
"""transformers 5.23 lays T5's position bias out row by row, 5.17 did not: fused attention now takes
what it refused then, and the attention matrices are never there."""
FURTHER_OFF = {
    "llama-3.1-8b.int8.lora16.b1x1024.ckpt": (-9.5, -11.5),
    "minilm.contrastive.amp-bf16.b64x256": (1.5, 6.0),
    "vit-base.full.fp32.b32.ckpt": (1.0, -7.0),
    "resnet50.full.fp32.b64": (1.0, -6.5),
    "gemma-2-2b.lora16.bf16.b2x1024.eager": (1.0, -7.0),
    "mistral-7b.nf4-double.lora16.amp-bf16.b2x1024.ckpt": (1.0, -6.5),
}
"""Bounds of their own, allocated and reserved. The first is a defect that is known and not
understood: inputs packed to eight bits stay where layers are recomputed, and more of them in
models of this width. The others come from how the allocator cuts segments."""


@pytest.mark.parametrize("name", QUICK)
def test_small_configurations_are_predicted_as_measured_on_an_h200(name: str) -> None:
    found = row(RUNS[name], answered(described(RUNS[name])))
    assert abs(found["allocated_error"]) <= ALLOCATED
    assert abs(found["reserved_error"]) <= RESERVED
    assert found["parameters_differ"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(RUNS) - OTHER_TRANSFORMERS))
def test_every_configuration_is_predicted_as_measured_on_an_h200(name: str) -> None:
    found = row(RUNS[name], answered(described(RUNS[name])))
    allocated, reserved = FURTHER_OFF.get(name, (ALLOCATED, RESERVED))
    assert abs(found["allocated_error"]) <= abs(allocated)
    assert abs(found["reserved_error"]) <= abs(reserved)


def t4_step(entry: dict[str, Any]) -> Step:
    """A row as it ran."""
    config = T4["models"][entry["model"]]["config"]
    step = msgspec.convert({"config": config, **entry["step"]}, Step)
    version = entry.get("versions", {}).get("torch")
    return msgspec.structs.replace(step, device=msgspec.structs.replace(step.device, torch=version))


MEASURED_ON_T4 = {
    entry["name"]: entry
    for entry in T4["rows"]
    if "allocated" in entry["measured"] and "stands_in" not in entry
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MEASURED_ON_T4))
def test_steps_that_others_measured_on_a_t4_are_predicted(name: str) -> None:
    entry = MEASURED_ON_T4[name]
    answer = simulated(t4_step(entry))
    measured = entry["measured"]
    assert answer.peak_allocated == pytest.approx(measured["allocated"], rel=0.02)
    assert answer.peak_reserved == pytest.approx(measured["reserved"], rel=0.08)
