"""The step-one proof: what the first real optimizer step did to each tensor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch

SAMPLE = 4096
"""Values of each tensor that are compared before and after. An embedding moves only in the rows of
the tokens seen, so the sample lies around the largest gradient."""


@dataclass(slots=True)
class _Sample:
    """Some values of a tensor before the step, its gradient's norm and where a gradient came."""

    places: slice
    values: torch.Tensor
    norm: torch.Tensor | None
    pushed: torch.Tensor | None


class StepOne:
    """Watches one optimizer step. `before` is called with gradients, `after` when it is done."""

    def __init__(self) -> None:
        self._before: dict[str, _Sample] = {}
        self._holders: Counter[int] = Counter()

    def before(self, model: Any, optimizer: Any) -> None:  # noqa: ANN401
        """Remember a sample of each tensor, its gradient's norm and its place in the optimizer."""
        self._holders = Counter(
            id(parameter) for group in optimizer.param_groups for parameter in group["params"]
        )
        for name, parameter in model.named_parameters():
            gradient = parameter.grad
            places = slice(0, SAMPLE)
            norm: torch.Tensor | None = None
            if gradient is not None:
                norm = gradient.detach().float().norm()
                flat = gradient.detach().reshape(-1)
                if flat.numel() > SAMPLE:
                    # Around the largest gradient: there the step shows first.
                    first = int(flat.argmax()) - SAMPLE // 2
                    first = max(0, min(first, flat.numel() - SAMPLE))
                    places = slice(first, first + SAMPLE)
            values = parameter.detach().reshape(-1)
            pushed = None if gradient is None else flat[places] != 0
            self._before[name] = _Sample(places, values[places].clone(), norm, pushed)

    def after(self, model: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """One record a tensor, with the fields of `TensorStep`."""
        tensors: list[dict[str, Any]] = []
        for name, parameter in model.named_parameters():
            if name not in self._before:
                continue
            sample = self._before[name]
            new = parameter.detach().reshape(-1)[sample.places]
            changed = new != sample.values
            pushed = sample.pushed
            tensors.append(
                {
                    "name": name,
                    "trainable": bool(parameter.requires_grad),
                    "in_optimizer": self._holders[id(parameter)],
                    "gradient_norm": None if sample.norm is None else float(sample.norm),
                    "moved": bool(changed.any()),
                    "finite_after": bool(torch.isfinite(new).all()),
                    "dtype": str(parameter.dtype).removeprefix("torch."),
                    "pushed": 0 if pushed is None else int(pushed.sum()),
                    "shifted": 0 if pushed is None else int((changed & pushed).sum()),
                }
            )
        self._before = {}
        return tensors
