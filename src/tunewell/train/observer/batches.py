"""What one forward call shows of its batch, as small tensors on the model's device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

IGNORED = -100
CLASSIFIES = 2
"""Dimensions of the logits of a classifier: rows and classes."""

MOST_CLASSES = 4096
"""More classes than this are a vocabulary."""


def tensors_of(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Mapping[str, Any]:
    """The batch by name, also where it was passed as one mapping or without names."""
    if named:
        return named
    first = arguments[0] if arguments else None
    if isinstance(first, Mapping):
        return first
    return {"input_ids": first} if isinstance(first, torch.Tensor) else {}


def trained_tokens(batch: Mapping[str, Any]) -> torch.Tensor | None:
    """How many labels are trained on, None where the batch has no labels."""
    labels = batch.get("labels")
    if not isinstance(labels, torch.Tensor) or labels.numel() == 0:
        return None
    if labels.ndim == 1 or labels.is_floating_point():
        return torch.tensor(float(len(labels)))
    return (labels != IGNORED).sum()


def input_places(batch: Mapping[str, Any]) -> int:
    """How many tokens the model is given, padding included; 0 where it is given no token ids."""
    ids = batch.get("input_ids")
    return ids.numel() if isinstance(ids, torch.Tensor) else 0


def attended_places(batch: Mapping[str, Any]) -> torch.Tensor | None:
    """How many of these tokens are no padding, None where the batch has no mask of their shape."""
    mask, ids = batch.get("attention_mask"), batch.get("input_ids")
    if not isinstance(mask, torch.Tensor) or not isinstance(ids, torch.Tensor):
        return None
    return (mask != 0).sum() if mask.shape == ids.shape else None


def mark(batch: Mapping[str, Any]) -> torch.Tensor | None:
    """A number that is the same for the same inputs: their sum, each weighted by its place.

    Tokens of up to 2**17 in batches of up to 2**19 places sum to less than 2**53, so that the
    number is exact in float64 too.
    """
    inputs = next(
        (
            value
            for name in ("input_ids", "input_features", "pixel_values", "inputs", "x")
            if isinstance(value := batch.get(name), torch.Tensor)
        ),
        None,
    )
    if inputs is None or inputs.numel() == 0:
        return None
    if inputs.is_floating_point():
        return inputs.detach().double().sum() if inputs.device.type != "mps" else None
    flat = inputs.detach().reshape(-1)
    places = torch.arange(1, flat.numel() + 1, device=flat.device) % PLACES + 1
    return (flat.long() * places).sum() % LARGEST


PLACES = 8191
LARGEST = 2**53 - 111
"""A prime below 2**53: every number up to it is exact in float64."""


def classified(batch: Mapping[str, Any], outputs: Any) -> tuple[torch.Tensor, Any] | None:  # noqa: ANN401
    """Predicted classes and, where the batch has them, true ones; None where none are predicted.

    Both are int64 of shape (rows,).
    """
    logits = outputs
    if not isinstance(outputs, torch.Tensor):
        get = getattr(outputs, "get", None)
        logits = get("logits") if callable(get) else getattr(outputs, "logits", None)
    if not isinstance(logits, torch.Tensor) or logits.ndim != CLASSIFIES:
        return None
    if not 1 < logits.shape[1] <= MOST_CLASSES:
        return None
    labels = batch.get("labels")
    single = isinstance(labels, torch.Tensor) and labels.ndim == 1
    if labels is not None and (not single or labels.is_floating_point()):
        return None
    return logits.detach().argmax(dim=-1), labels if single else None
