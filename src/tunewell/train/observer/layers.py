"""Size of weights, gradients and updates by layer, from a small sample of each tensor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

BLOCK = 1024
"""Values of a tensor that are looked at; where the block begins moves from probe to probe."""

PRIME = 7919
"""Moves the block through a tensor; prime, so that it meets every part of it in time."""

TINY = 1e-12
"""Weights smaller than this count as this, so that a ratio can be had of zero weights."""

NOTHING = torch.empty(0)
NUMBER = re.compile(r"^\d+$")
KERAS = "_torch_params."
"""Before the path of a variable of Keras."""

WRAPPERS = ("module.", "_orig_mod.", "base_model.model.")


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to: up to its number, or the module that holds it.

    `bert.encoder.layer.3.attention.self.query.weight` is of `bert.encoder.layer.3`, and
    `classifier.weight` of `classifier`.
    """
    name = name.rpartition(KERAS)[2].replace("/", ".")
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    parts = name.split(".")
    for place, part in enumerate(parts[:-1]):
        if NUMBER.match(part):
            return ".".join(parts[: place + 1])
    return ".".join(parts[:-1]) or name


@dataclass(slots=True)
class _Sampled:
    layer: int
    parameter: torch.Tensor
    places: slice


class LayerProbe:
    """Looks at one optimizer step; `before` with its gradients, `after` when it is done.

    Vectors over the layers, root mean squares over the sampled values. Embeddings larger than a
    block are left out: a step moves only the rows of its own tokens, so a sample says nothing.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        held = {
            id(parameter)
            for module in model.modules()
            if isinstance(module, nn.Embedding | nn.EmbeddingBag)
            for parameter in module.parameters(recurse=False)
            if parameter.numel() > BLOCK
        }
        self.layers: list[str] = []
        self._parameters: list[tuple[int, torch.Tensor]] = []
        numbers: dict[str, int] = {}
        for name, parameter in model.named_parameters():
            usable = parameter.requires_grad and parameter.is_contiguous() and parameter.numel()
            if not usable or id(parameter) in held or not parameter.is_floating_point():
                continue
            layer = layer_of(name)
            if layer not in numbers:
                numbers[layer] = len(self.layers)
                self.layers.append(layer)
            self._parameters.append((numbers[layer], parameter))
        self._round = 0
        self._sample: list[_Sampled] = []
        self._old = self._gradients = NOTHING

    def before(self) -> None:
        """Remember blocks of the weights that have a gradient."""
        self._round += 1
        self._sample = []
        old: list[torch.Tensor] = []
        gradients: list[torch.Tensor] = []
        for layer, parameter in self._parameters:
            gradient = parameter.grad
            if gradient is None or gradient.is_sparse or not gradient.is_contiguous():
                continue
            spare = parameter.numel() - BLOCK
            first = (self._round * PRIME * BLOCK) % (spare + 1) if spare > 0 else 0
            places = slice(first, first + BLOCK)
            self._sample.append(_Sampled(layer, parameter, places))
            old.append(parameter.detach().view(-1)[places].float())
            gradients.append(gradient.detach().view(-1)[places].float())
        if self._sample:
            # The optimizer and `zero_grad` change both in place: these are copies.
            self._old, self._gradients = torch.cat(old), torch.cat(gradients)

    def _lengths(self) -> list[int]:
        return [min(BLOCK, sampled.parameter.numel()) for sampled in self._sample]

    def after(self, optimizer: Any = None) -> tuple[list[str], torch.Tensor] | None:  # noqa: ANN401
        """Names and values: `update_ratio/...`, `gradient_rms/...`, `weight_rms/...`, counts.

        None where no weight had a gradient.
        """
        if not self._sample:
            return None
        new = torch.cat([s.parameter.detach().view(-1)[s.places].float() for s in self._sample])
        old, gradients = self._old, self._gradients
        which = torch.repeat_interleave(
            _numbers([s.layer for s in self._sample], new.device),
            _numbers(self._lengths(), new.device),
            output_size=len(new),
        )
        count = self._sum(torch.ones_like(new), which).clamp_min(1)
        weight = (self._sum(old.square(), which) / count).sqrt()
        update = (self._sum((new - old).square(), which) / count).sqrt()
        gradient = (self._sum(gradients.square(), which) / count).sqrt()
        present = sorted({s.layer for s in self._sample})
        counts = [("nonfinite_parameters", [new]), ("nonfinite_gradients", [gradients])]
        state = self._state(optimizer)
        if state:
            counts.append(("nonfinite_optimizer_state", [torch.cat(state)]))
        names = [
            f"{kind}/{self.layers[layer]}"
            for kind in ("update_ratio", "gradient_rms", "weight_rms")
            for layer in present
        ]
        at = _numbers(present, new.device)
        values = torch.cat(
            [
                (update / weight.clamp_min(TINY))[at],
                gradient[at],
                weight[at],
                torch.stack([_not_finite(tensors).float() for _, tensors in counts]),
            ]
        )
        self._sample, self._old, self._gradients = [], NOTHING, NOTHING
        return names + [name for name, _ in counts], values

    def _sum(self, values: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        whole = torch.zeros(len(self.layers), device=values.device, dtype=torch.float32)
        return whole.index_add_(0, which, values)

    def _state(self, optimizer: Any) -> list[torch.Tensor]:  # noqa: ANN401
        """Blocks of what the optimizer remembers of the same parameters."""
        known = getattr(optimizer, "state", None)
        if not isinstance(known, dict):
            return []
        blocks: list[torch.Tensor] = []
        for sampled in self._sample:
            state = known.get(sampled.parameter) or {}
            for name, value in state.items():
                same = isinstance(value, torch.Tensor) and value.shape == sampled.parameter.shape
                if same and name != "step" and value.is_contiguous():
                    blocks.append(value.detach().view(-1)[sampled.places].float())
        return blocks


def _numbers(values: list[int], device: torch.device) -> torch.Tensor:
    """Whole numbers on a device, sent there without waiting for it."""
    if device.type != "cuda":
        return torch.tensor(values, device=device)
    return torch.tensor(values, pin_memory=True).to(device, non_blocking=True)


def census(model: Any, optimizer: Any) -> dict[str, int]:  # noqa: ANN401
    """Every value of a model, its gradients and its optimizer's state that is not finite, counted.

    It reads all of them and waits, so it is for the step at which something has gone wrong.
    """
    parameters = [p.detach() for p in model.parameters() if p.is_floating_point()]
    gradients = [p.grad.detach() for p in model.parameters() if p.grad is not None]
    state = getattr(optimizer, "state", None)
    held = [
        value.detach()
        for values in (state.values() if isinstance(state, dict) else ())
        if isinstance(values, dict)
        for value in values.values()
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim
    ]
    return {
        name: int(_not_finite(tensors))
        for name, tensors in (
            ("nonfinite_parameters", parameters),
            ("nonfinite_gradients", gradients),
            ("nonfinite_optimizer_state", held),
        )
        if tensors
    }


def _not_finite(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    counts = [(~torch.isfinite(tensor)).sum() for tensor in tensors]
    device = counts[0].device
    return torch.stack([count.to(device) for count in counts]).sum()
