"""HW047 main-memory-too-small."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.checks.hardware.gpus import SEVEN, gpu, no_gpu

from tunewell.checks.hardware.main_memory_too_small import main_memory_too_small
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.recipe import Adapter, Hardware, Recipe
from tunewell.testing import CheckCases, run_check


def recipe(**hardware: Any) -> Recipe:  # noqa: ANN401  settings have every type
    """Full fine-tuning in bf16 with these settings of the hardware."""
    return Recipe(
        task="sft", precision="bf16", format="transformers", hardware=Hardware(**hardware)
    )


def zero(stage: int = 2, **offloaded: str) -> Recipe:
    """DeepSpeed, with what is offloaded where."""
    zero = {"stage": stage} | {k: {"device": where} for k, where in offloaded.items()}
    return recipe(deepspeed={"zero_optimization": zero})


STORED = dataclasses.replace(SEVEN, config={**SEVEN.config, "dtype": "bfloat16"})
EIGHT = dataclasses.replace(gpu(80, main=96), gpus=8)


class TestMainMemoryTooSmall(CheckCases):
    """A model of 7 thousand million values."""

    check = main_memory_too_small
    faulty = {
        "offloaded optimizer": (zero(offload_optimizer="cpu"), SEVEN, gpu(80, main=64)),
        "with its gradients": (zero(offload_optimizer="cpu"), SEVEN, gpu(80, main=96)),
        "as accelerate says it": (
            recipe(deepspeed={"zero_stage": 3, "offload_optimizer_device": "cpu"}),
            SEVEN,
            gpu(80, main=64),
        ),
        "FSDP": (recipe(fsdp={"fsdp_offload_params": True}), SEVEN, gpu(80, main=64)),
        "FSDP by its options": (
            recipe(fsdp={"fsdp": "full_shard offload"}),
            SEVEN,
            gpu(80, main=9),
        ),
        "loaded as float32 by eight processes": (
            recipe(dtype="float32", world_size=8),
            STORED,
            EIGHT,
        ),
    }
    nearly = {
        "to NVMe": (zero(offload_optimizer="nvme"), SEVEN, gpu(80, main=64)),
        "FSDP, whose states may be 16-bit": (
            recipe(fsdp={"fsdp_offload_params": True}),
            SEVEN,
            gpu(80, main=112),
        ),
        "not offloaded": (zero(), SEVEN, gpu(80, main=64)),
        "on two machines": (
            dataclasses.replace(
                zero(offload_optimizer="cpu"),
                hardware=Hardware(
                    deepspeed={"zero_optimization": {"offload_optimizer": {"device": "cpu"}}},
                    world_size=16,
                ),
            ),
            SEVEN,
            EIGHT,
        ),
        "8-bit moments": (
            dataclasses.replace(zero(offload_optimizer="cpu"), optim="adamw_8bit"),
            SEVEN,
            gpu(80, main=96),
        ),
        "adapters": (
            dataclasses.replace(zero(offload_optimizer="cpu"), method="lora", adapter=Adapter()),
            SEVEN,
            gpu(80, main=64),
        ),
        "in the precision of the files": (recipe(dtype="bfloat16", world_size=8), STORED, EIGHT),
        "straight onto the GPUs": (
            recipe(dtype="float32", world_size=8, device_map="{'': rank}"),
            STORED,
            EIGHT,
        ),
        "looked at on a laptop": (zero(offload_optimizer="cpu"), SEVEN, no_gpu()),
    }
    clean = {"a large machine": (zero(offload_optimizer="cpu"), SEVEN, gpu(80, main=512))}


def test_only_what_is_certain_is_an_error() -> None:
    """84 GB are certain, 112 by DeepSpeed's count."""
    sure = run_check(
        main_memory_too_small, (zero(offload_optimizer="cpu"), SEVEN, gpu(80, main=64))
    )
    likely = run_check(
        main_memory_too_small, (zero(offload_optimizer="cpu"), SEVEN, gpu(80, main=96))
    )
    assert "at least 78.2 GiB" in sure.findings[0].message
    assert sure.findings[0].severity is Severity.ERROR
    assert "about 104.3 GiB" in likely.findings[0].message
    assert (likely.findings[0].severity, likely.findings[0].confidence) == (
        Severity.WARNING,
        Confidence.MEDIUM,
    )


LOADS = """
import sys
import transformers

def own() -> int:
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

# What Python itself takes for the class is no weight: it is loaded once before.
transformers.AutoModelForCausalLM.from_pretrained(sys.argv[3])
before = own()
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=sys.argv[2])
print(own() - before, sum(p.numel() for p in model.parameters()))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_weights_of_another_precision_are_all_in_memory(tmp_path: Path) -> None:
    """Those of the file's own precision are mapped: next to nothing is the process's own."""
    torch = pytest.importorskip("torch", reason="needs the training extra")
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=20_000, hidden_size=768, intermediate_size=2048, num_hidden_layers=6
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path)
    tiny = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                       num_attention_heads=1, num_key_value_heads=1)  # fmt: skip
    LlamaForCausalLM(tiny).save_pretrained(tmp_path / "tiny")
    taken: dict[str, float] = {}
    for dtype in ("float32", "bfloat16"):
        command = [sys.executable, "-c", LOADS, str(tmp_path), dtype, str(tmp_path / "tiny")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        took, values = map(int, done.stdout.split())
        taken[dtype] = took / values
    assert taken["float32"] > 3.9
    assert taken["bfloat16"] < 0.5
