"""Machines and models written down for the tests of checks of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine

GIB = 1024**3


def gpu(gib: float, name: str = "NVIDIA A100-SXM4-40GB", *, main: float = 256) -> Machine:
    """A machine with one GPU of so much memory."""
    return Machine(
        cores=16,
        memory_bytes=int(main * GIB),
        disk_free_bytes=10**13,
        gpu_name=name,
        gpu_bytes=int(gib * GIB),
        gpus=1,
    )


def no_gpu(main: float = 16) -> Machine:
    """A machine without a GPU."""
    return Machine(cores=4, memory_bytes=int(main * GIB), disk_free_bytes=10**12, gpus=0)


def checkpoint(
    parameters: int,
    *,
    hidden: int,
    layers: int,
    heads: int,
    **config: Any,  # noqa: ANN401
) -> Checkpoint:
    """A model of so many values, in one tensor of its first layer, with its dimensions."""
    whole = {
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        **config,
    }
    tensors = {"encoder.layer.0.dense.weight": (parameters // hidden, hidden)}
    return Checkpoint(Path("model"), whole, tensors, max_length=512)


BERT = checkpoint(109_482_240, hidden=768, layers=12, heads=12)
SEVEN = checkpoint(
    7_000_000_000, hidden=4096, layers=32, heads=32, model_type="llama", vocab_size=32_000
)
