"""Which weights are gathered together: the units that accelerate hands to FSDP 2.

Follows `fsdp2_prepare_model` of accelerate 1.15 and `fully_shard` of PyTorch 2.13.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


class State(enum.Enum):
    """Where a unit is in the step."""

    IDLE = enum.auto()
    FORWARD = enum.auto()
    BACKWARD = enum.auto()
    DONE = enum.auto()


@dataclass(eq=False)
class Part:
    """A weight, and this rank's part of it.

    Rank 0 holds the fullest part: whole rows, the last one perhaps padding on another rank.
    """

    whole: nn.Parameter
    shard: nn.Parameter
    ranks: int

    @property
    def padded(self) -> int:
        """Values of the weight with every rank's part as large as the first one's."""
        return self.shard.numel() * self.ranks


@dataclass(eq=False)
class Unit:
    """Modules whose weights are gathered and let go of together."""

    modules: tuple[nn.Module, ...]
    reshard: bool
    parts: list[Part] = field(default_factory=list)
    state: State = State.IDLE
    gathered: list[int] | None = None
    arrived: int | None = None
    waiting: set[nn.Module] = field(default_factory=set)
    places: list[int] = field(default_factory=list)


def part_of(parameter: nn.Parameter, ranks: int, dtype: torch.dtype) -> Part:
    """The part of rank 0: a `ranks`-th of the rows, rounded up."""
    rows = parameter.shape[0] if parameter.dim() else 1
    shape = (-(-rows // ranks), *parameter.shape[1:])
    shard = nn.Parameter(
        torch.empty(shape, dtype=dtype, device=parameter.device),
        requires_grad=parameter.requires_grad,
    )
    return Part(parameter, shard, ranks)


def units_of(model: Any) -> list[Unit]:  # noqa: ANN401  a model of transformers or of PEFT
    """The units without their parts, inner ones first and the root last.

    Repeated layers, the embedding, and the last norm with the head are units; what is left is the
    root's. Tied embeddings are in one unit with the head, and stay gathered from the forward pass
    to the end of the backward pass.
    """
    names = set(getattr(model, "_no_split_modules", None) or ())
    units = [
        Unit((module,), reshard=True)
        for module in _bottom_up(model)[:-1]
        if type(module).__name__ in names
    ]
    taken = {module for unit in units for module in unit.modules}
    embedding = _asked(model, "get_input_embeddings")
    head = _asked(model, "get_output_embeddings")
    tied = (
        head is not None
        and embedding is not None
        and getattr(head, "weight", None) is getattr(embedding, "weight", head)
    )
    tail: list[nn.Module | None] = [_last_norm(model), head]
    if tied:
        tail.insert(1, embedding)
    elif embedding is not None and embedding not in taken:
        units.append(Unit((embedding,), reshard=True))
        taken.add(embedding)
    modules = tuple(module for module in tail if module is not None and module not in taken)
    if modules:
        units.append(Unit(modules, reshard=False))
    units.append(Unit((model,), reshard=False))
    return units


def own_parameters(units: list[Unit]) -> list[list[nn.Parameter]]:
    """The parameters of each unit: those below it that no unit below it has taken."""
    roots = {module for unit in units for module in unit.modules}
    taken: set[nn.Parameter] = set()
    owned = []
    for unit in units:
        mine: dict[nn.Parameter, None] = {}
        for module in unit.modules:
            _collect(module, roots - {module}, mine)
        fresh = [parameter for parameter in mine if parameter not in taken]
        taken.update(fresh)
        owned.append(fresh)
    return owned


def _collect(module: nn.Module, borders: set[nn.Module], found: dict[nn.Parameter, None]) -> None:
    found.update(dict.fromkeys(module.parameters(recurse=False)))
    for child in module.children():
        if child not in borders:
            _collect(child, borders, found)


def _bottom_up(module: nn.Module) -> list[nn.Module]:
    found: list[nn.Module] = []
    for child in module.children():
        found += _bottom_up(child)
    return [*found, module]


def _asked(model: Any, name: str) -> nn.Module | None:  # noqa: ANN401  as above
    ask = getattr(model, name, None)
    try:
        answer = ask() if ask is not None else None
    except (AttributeError, NotImplementedError):
        return None
    return answer if isinstance(answer, nn.Module) else None


def _last_norm(model: Any) -> nn.Module | None:  # noqa: ANN401  as above
    prefix = getattr(model, "base_model_prefix", "")
    base = getattr(model, prefix, None) if prefix else model
    if not isinstance(base, nn.Module):
        return None
    norms = [child for child in base.children() if "Norm" in type(child).__name__]
    return norms[-1] if norms else None
