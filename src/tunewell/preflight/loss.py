"""Who computes the loss of a trainer."""

from __future__ import annotations

from typing import Any

from transformers import Trainer


def owner(trainer: Any, core: Any) -> str:
    """The name of the function or class that computes the loss."""
    if trainer.compute_loss_func is not None:
        return str(getattr(trainer.compute_loss_func, "__name__", "compute_loss_func"))
    if _overrides(trainer, "compute_loss") or _overrides(trainer, "training_step"):
        return type(trainer).__name__
    return type(core).__name__


def has_own_loss(trainer: Any, core: Any) -> bool:
    """Whether the user, and not transformers or TRL, wrote what computes the loss."""
    known = ("transformers.", "trl.", "sentence_transformers.")
    if trainer.compute_loss_func is not None:
        return True
    for name in ("compute_loss", "training_step"):
        if not getattr(type(trainer), name).__module__.startswith(known):
            return True
    return not type(core).__module__.startswith(known)


def _overrides(trainer: Any, method: str) -> bool:
    return getattr(type(trainer), method) is not getattr(Trainer, method)
