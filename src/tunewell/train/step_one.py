"""The step-one proof: what the first real optimizer step did to each tensor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch

from tunewell.train.observer.pending import vector

SAMPLE = 4096
"""Values of each tensor that are compared before and after. An embedding moves only in the rows of
the tokens seen, so the sample lies around the largest gradient."""


@dataclass(slots=True)
class _Sample:
    """Some values of a tensor before the step, its gradient's norm and where a gradient came.

    `places` are numbers of values in the flat tensor, None for all of a small one.
    """

    places: torch.Tensor | None
    values: torch.Tensor
    norm: torch.Tensor | None
    pushed: torch.Tensor | None


class StepOne:
    """Watches one optimizer step. `before` is called with gradients, `after` when it is done.

    All is computed on the tensors' device, and read there at once: the processor waits once.
    """

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
            if gradient is None:
                values = parameter.detach().reshape(-1)[:SAMPLE].clone()
                self._before[name] = _Sample(_first(parameter), values, None, None)
                continue
            flat = gradient.detach().reshape(-1)
            places = _around_largest(flat)
            values = _taken(parameter, places).clone()
            pushed = (flat if places is None else flat[places]) != 0
            self._before[name] = _Sample(places, values, flat.float().norm(), pushed)

    def after(self, model: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """One record a tensor, with the fields of `TensorStep`."""
        known = [(n, p, self._before[n]) for n, p in model.named_parameters() if n in self._before]
        self._before = {}
        if not known:
            return []
        seen = [number for _, parameter, sample in known for number in _seen(parameter, sample)]
        rows = vector(seen).reshape(len(known), -1).tolist()
        return [
            {
                "name": name,
                "trainable": bool(parameter.requires_grad),
                "in_optimizer": self._holders[id(parameter)],
                "gradient_norm": None if sample.norm is None else norm,
                "moved": moved > 0,
                "finite_after": finite > 0,
                "dtype": str(parameter.dtype).removeprefix("torch."),
                "pushed": int(pushed),
                "shifted": int(shifted),
            }
            for (name, parameter, sample), (norm, moved, finite, pushed, shifted) in zip(
                known, rows, strict=True
            )
        ]


def _first(parameter: torch.Tensor) -> torch.Tensor | None:
    """The first values of a large tensor."""
    large = parameter.numel() > SAMPLE
    return torch.arange(SAMPLE, device=parameter.device) if large else None


def _around_largest(flat: torch.Tensor) -> torch.Tensor | None:
    """The places around the largest gradient: there the step shows first."""
    if flat.numel() <= SAMPLE:
        return None
    first = (flat.argmax() - SAMPLE // 2).clamp(0, flat.numel() - SAMPLE)
    return first + torch.arange(SAMPLE, device=flat.device)


def _taken(parameter: torch.Tensor, places: torch.Tensor | None) -> torch.Tensor:
    flat = parameter.detach().reshape(-1)
    return flat if places is None else flat[places]


def _seen(parameter: torch.Tensor, sample: _Sample) -> list[torch.Tensor]:
    """Norm of the gradient, whether it moved and is finite, values pushed and shifted."""
    new = _taken(parameter, sample.places)
    changed = new != sample.values
    none = torch.zeros((), device=new.device)
    pushed = sample.pushed
    return [
        none if sample.norm is None else sample.norm,
        changed.any(),
        torch.isfinite(new).all(),
        none if pushed is None else pushed.sum(),
        none if pushed is None else (changed & pushed).sum(),
    ]
