"""States of a training that can be gone back to: weights, optimizer, schedule, random numbers."""

from __future__ import annotations

import copy
import random
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

NOT_STATE = ("params", "foreach", "fused")
"""Of an optimizer's group: how it computes is no state, and was changed where memory ended."""


class RandomStates:
    """Every generator that training draws from, as it is now."""

    def __init__(self) -> None:
        self.python = random.getstate()
        self.numpy = np.random.get_state()  # noqa: NPY002  what collators draw from
        self.torch = torch.get_rng_state()
        used = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        self.cuda = torch.cuda.get_rng_state_all() if used else None
        self.mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None

    def put_back(self) -> None:
        """Make them draw again what they drew from here on."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002  as above
        torch.set_rng_state(self.torch)
        if self.cuda is not None:
            torch.cuda.set_rng_state_all(self.cuda)
        if self.mps is not None:
            torch.mps.set_rng_state(self.mps)


@dataclass(slots=True)
class State:
    """Host copies after optimizer step `step`. Tensors of an older state are written over."""

    step: int = -1
    factor: float = 1.0
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[int, dict[str, Any]] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    scheduler: dict[str, Any] | None = None
    scaler: dict[str, Any] | None = None


class Trained:
    """The parts of a trainer that an optimizer step changes."""

    def __init__(self, trainer: Any) -> None:  # noqa: ANN401
        self.trainer = trainer
        self.model = trainer.model
        self.optimizer = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
        self.parameters = [
            parameter for group in self.optimizer.param_groups for parameter in group["params"]
        ]

    def tensors(self) -> dict[str, torch.Tensor]:
        """Trainable parameters and all buffers, which batch norm changes, by name."""
        found = {
            name: parameter.data
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        found |= {f"buffer {name}": buffer for name, buffer in self.model.named_buffers()}
        return found

    @property
    def bytes(self) -> int:
        """Bytes of a state; two moments, as Adam's, where the optimizer has none yet."""
        own = sum(t.numel() * t.element_size() for t in self.tensors().values())
        states = sum(
            value.numel() * value.element_size()
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, torch.Tensor)
        )
        return own + (states or 2 * own)

    def save(self, state: State, step: int, factor: float) -> float:
        """Write the training's state into `state`; the seconds that it took."""
        began = time.perf_counter()
        # Half written it is no state: an allocation may fail on the way.
        state.step = -1
        state.tensors = {
            name: _copy(tensor, state.tensors.get(name)) for name, tensor in self.tensors().items()
        }
        old, state.optimizer = state.optimizer, {}
        for place, parameter in enumerate(self.parameters):
            held = self.optimizer.state.get(parameter)
            if held:
                before = old.get(place, {})
                state.optimizer[place] = {
                    name: _copy(value, before.get(name))
                    if isinstance(value, torch.Tensor)
                    else copy.deepcopy(value)
                    for name, value in held.items()
                }
        state.groups = [
            {name: copy.copy(value) for name, value in group.items() if name not in NOT_STATE}
            for group in self.optimizer.param_groups
        ]
        scheduler, scaler = self.trainer.lr_scheduler, self.trainer.accelerator.scaler
        state.scheduler = None if scheduler is None else copy.deepcopy(scheduler.state_dict())
        state.scaler = None if scaler is None else dict(scaler.state_dict())
        state.factor, state.step = factor, step
        return time.perf_counter() - began

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Put a state back, in place: who holds the tensors keeps them."""
        for name, tensor in self.tensors().items():
            tensor.copy_(state.tensors[name])
        for place, parameter in enumerate(self.parameters):
            self._load_optimizer_state(parameter, state.optimizer.get(place))
        for group, kept_group in zip(self.optimizer.param_groups, state.groups, strict=True):
            group.update({name: copy.copy(value) for name, value in kept_group.items()})
        if state.scheduler is not None and self.scheduled:
            self.trainer.lr_scheduler.load_state_dict(copy.deepcopy(state.scheduler))
        if state.scaler:
            scaler = self.trainer.accelerator.scaler
            scaler.load_state_dict(state.scaler)
            # The gradients that it had unscaled are gone.
            getattr(scaler, "_per_optimizer_states", {}).clear()

    def _load_optimizer_state(self, parameter: torch.Tensor, kept: dict[str, Any] | None) -> None:
        if kept is None:
            self.optimizer.state.pop(parameter, None)
            return
        held = self.optimizer.state[parameter]
        for name in [name for name in held if name not in kept]:
            del held[name]
        for name, value in kept.items():
            now = held.get(name)
            if isinstance(value, torch.Tensor) and isinstance(now, torch.Tensor):
                now.copy_(value)
            elif isinstance(value, torch.Tensor):
                held[name] = value.to(parameter.device) if value.ndim else value.clone()
            else:
                held[name] = copy.deepcopy(value)

    @property
    def scheduled(self) -> bool:
        """Whether the schedule goes by steps; the others go by evaluations and stay as they are."""
        scheduler = self.trainer.lr_scheduler
        inner = getattr(scheduler, "scheduler", scheduler)
        return not isinstance(inner, ReduceLROnPlateau) and type(inner).__name__ != "GreedyLR"

    def lower_rate(self, factor: float) -> None:
        """Multiply the learning rate, now and in all the schedule that follows."""
        for group in self.optimizer.param_groups:
            for name in ("lr", "initial_lr"):
                if name in group:
                    group[name] = group[name] * factor
        scheduler = self.trainer.lr_scheduler
        inner = getattr(scheduler, "scheduler", scheduler)
        for name in ("base_lrs", "_last_lr"):
            rates = getattr(inner, name, None)
            if rates is not None:
                setattr(inner, name, [rate * factor for rate in rates])

    def finite(self) -> bool:
        """Whether every parameter and every moment of the optimizer is finite."""
        states = (
            value
            for state in self.optimizer.state.values()
            for value in state.values()
            if isinstance(value, torch.Tensor) and value.is_floating_point()
        )
        return all(
            bool(torch.isfinite(tensor).all())
            for tensor in (*self.model.parameters(), *states)
            if tensor.is_floating_point()
        )

    def versions(self) -> list[tuple[torch.Tensor, int]]:
        """Each tensor that an optimizer step writes to, with a number that rises when it does."""
        tensors = [*self.parameters]
        for parameter in self.parameters:
            held = self.optimizer.state.get(parameter) or {}
            tensors += [value for value in held.values() if isinstance(value, torch.Tensor)]
        return [(tensor, tensor._version) for tensor in tensors]  # noqa: SLF001  PyTorch's counter


def _copy(tensor: torch.Tensor, into: torch.Tensor | None) -> torch.Tensor:
    fits = into is not None and into.shape == tensor.shape and into.dtype == tensor.dtype
    if fits and into is not None:
        return into.copy_(tensor.detach())
    return tensor.detach().to("cpu", copy=True)
