"""How often the commonest class is predicted and given."""

from __future__ import annotations

from typing import Any

import torch

NAMES = ("predicted_top_share", "label_top_share")


class Shares:
    """Counts predicted and true classes on the device, where nothing has to wait for them."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self._predicted: torch.Tensor | None = None
        self._given: torch.Tensor | None = None

    def add(self, predicted: torch.Tensor, given: Any, classes: int) -> None:  # noqa: ANN401
        """Count a batch; `given` is a tensor or None."""
        ones = torch.ones_like(predicted, dtype=torch.float32)
        self._predicted = _added(self._predicted, predicted, ones, classes)
        if isinstance(given, torch.Tensor) and given.shape == predicted.shape:
            known = (given >= 0) & (given < classes)
            self._given = _added(self._given, given.clamp(0, classes - 1), known.float(), classes)

    def take(self) -> tuple[list[str], torch.Tensor] | None:
        """Column names and shares since the last call, still on the device."""
        counts = (self._predicted, self._given)
        self._predicted = self._given = None
        known = [(name, c) for name, c in zip(NAMES, counts, strict=True) if c is not None]
        if not known:
            return None
        shares = [c.max() / c.sum().clamp_min(1) for _, c in known]
        return [f"{self.prefix}{name}" for name, _ in known], torch.stack(shares)


def _added(
    counts: torch.Tensor | None, which: torch.Tensor, weight: torch.Tensor, classes: int
) -> torch.Tensor:
    if counts is None or len(counts) != classes:
        counts = torch.zeros(classes, device=which.device)
    return counts.index_add_(0, which, weight)
