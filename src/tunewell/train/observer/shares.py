"""How often the commonest class is predicted and given."""

from __future__ import annotations

from typing import Any

import torch


class Shares:
    """Counts predicted and true classes on the device; read once in a while."""

    def __init__(self) -> None:
        self._predicted: torch.Tensor | None = None
        self._given: torch.Tensor | None = None

    def add(self, predicted: torch.Tensor, given: Any, classes: int) -> None:  # noqa: ANN401
        """Count a batch; `given` is a tensor or None."""
        ones = torch.ones_like(predicted, dtype=torch.float32)
        self._predicted = _added(self._predicted, predicted, ones, classes)
        if isinstance(given, torch.Tensor) and given.shape == predicted.shape:
            known = (given >= 0) & (given < classes)
            self._given = _added(self._given, given.clamp(0, classes - 1), known.float(), classes)

    def take(self, prefix: str = "") -> dict[str, float]:
        """The shares since the last call, by column name; waits for the device."""
        values: dict[str, float] = {}
        for name, counts in (("predicted", self._predicted), ("label", self._given)):
            if counts is not None:
                whole = float(counts.sum())
                if whole:
                    values[f"{prefix}{name}_top_share"] = float(counts.max()) / whole
        self._predicted = self._given = None
        return values


def _added(
    counts: torch.Tensor | None, which: torch.Tensor, weight: torch.Tensor, classes: int
) -> torch.Tensor:
    if counts is None or len(counts) != classes:
        counts = torch.zeros(classes, device=which.device)
    return counts.index_add_(0, which, weight)
