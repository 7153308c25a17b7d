"""Bytes that an optimizer keeps for each trained parameter, by its name in transformers."""

from __future__ import annotations

FP32_STATES = 8.0
"""AdamW's two moments, of 4 bytes each."""


def state_bytes(optim: str) -> float:
    """Bytes a trained parameter that the optimizer keeps; for one not known the least possible, 0.

    Sources: `OptimizerNames` of transformers 5.23 and the optimizers that `trainer_optimizer.py`
    makes of them. 8-bit states have one more scale for each block of 256 values, which is left out.
    """
    name = optim.casefold()
    if name.startswith("galore"):
        return 0.0  # of a projection, smaller by a factor that is the user's own
    if "8bit" in name:
        return 1.0 if "lion" in name or "rmsprop" in name else 2.0
    if "4bit" in name:
        return 1.0
    if (
        name.startswith(("adamw", "paged_adamw", "ademamix", "nadam"))
        and "anyprecision" not in name
    ):
        return FP32_STATES
    if name.startswith(("lion", "paged_lion", "rmsprop", "adagrad")):
        return FP32_STATES / 2
    return 0.0


def paged(optim: str) -> bool:
    """Whether the states may be moved to main memory when the GPU is full."""
    return optim.casefold().startswith("paged")
