"""Closed-form memory: exact where it counts, within its own range on measured runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunewell.knowledge import gpus
from tunewell.plan.memory import ModelSize, estimate
from tunewell.subjects.checkpoint import Checkpoint

BERT = ModelSize(109_482_240, 84_934_656, 12 * 4 * (768 * 2) + 12 * 2 * 3840, 768, 12, 12)

# Qwen2.5-1.5B: 28 layers, 12 query and 2 key heads of 128 values, an MLP of 8,960.
QWEN = ModelSize(
    parameters=1_543_714_304,
    block_parameters=28 * (2 * 1536 * 1536 + 2 * 256 * 1536 + 3 * 8960 * 1536),
    block_sides=28 * (2 * 3072 + 2 * 1792 + 3 * 10496),
    hidden=1536,
    layers=28,
    heads=12,
    vocabulary=151_936,
)
ATTENTION_RANK_32 = 32 * 28 * (2 * 3072 + 2 * 1792)


def test_states_of_full_fine_tuning_are_sixteen_bytes_a_parameter() -> None:
    """Weights, gradients and two moments in fp32."""
    memory = estimate(BERT, batch=1, length=1)
    assert memory.low == 16 * BERT.parameters


def test_a_measured_run_lies_inside_the_range() -> None:
    """Measured on a Tesla T4: 6,838.5 MiB allocated, NF4, rank 32, 2 rows of 1,024 tokens.

    From the measurement archive of fitcheck-llm 0.3.1 (MIT).
    """
    memory = estimate(
        QWEN,
        batch=2,
        length=1024,
        method="qlora",
        precision="fp16",
        checkpointing=True,
        fused_attention=False,
        trainable=ATTENTION_RANK_32,
    )
    measured = 6838.541 * 2**20
    assert memory.low <= measured <= memory.high
    assert memory.total == pytest.approx(measured, rel=0.15)


def test_more_of_anything_never_needs_less() -> None:
    """Batch, length and precision move the estimate the way they move memory."""
    base = estimate(BERT, batch=8, length=128).total
    assert estimate(BERT, batch=16, length=128).total > base
    assert estimate(BERT, batch=8, length=256).total > base
    assert estimate(BERT, batch=8, length=128, fused_attention=False).total > base
    assert estimate(BERT, batch=8, length=128, checkpointing=True).total < base
    assert (
        estimate(BERT, batch=8, length=128, method="lora").low
        < estimate(BERT, batch=8, length=128).low
    )


def test_verdicts() -> None:
    """In three bands."""
    memory = estimate(BERT, batch=8, length=128)
    assert memory.verdict(memory.high) == "fits"
    assert memory.verdict(memory.total) == "tight"
    assert memory.verdict(memory.low - 1) == "does-not-fit"
    assert sum(memory.by_kind.values()) == memory.total


def test_size_of_a_folder_without_dimensions_is_none() -> None:
    """Nothing is guessed."""
    assert ModelSize.of(Checkpoint(Path("m"), {"model_type": "x"}, {"w": (2, 2)})) is None
    config = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    assert ModelSize.of(Checkpoint(Path("m"), config)) is None
    found = ModelSize.of(Checkpoint(Path("m"), config, {"layer.0.w": (8, 4), "emb.w": (10, 8)}))
    assert found is not None
    assert (found.block_parameters, found.parameters, found.block_sides) == (32, 112, 12)


def test_every_gpu_has_a_source() -> None:
    """And is found under the driver's name."""
    assert all(gpu.source and gpu.memory_gib > 0 for gpu in gpus.table())
    assert gpus.find("NVIDIA H100 80GB HBM3") is not None
    assert gpus.find("Voodoo 2") is None
