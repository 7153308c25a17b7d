"""Optimizers by the memory of their states and of their step.

PyTorch's own run on the meta device where they can. Fused ones refuse it, and those of bitsandbytes
are a library of their own: their states are made here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from transformers.optimization import Adafactor

BLOCK_8BIT = 256
"""Values with one fp32 scale in the eight-bit states of bitsandbytes."""
SMALLEST_8BIT = 4096
"""Tensors with fewer values keep fp32 states."""
SMALLEST_PAGED = 100_000
"""Tensors with fewer values are not paged."""


class NoSuchOptimizerError(Exception):
    """The memory of this optimizer is not known: one sentence."""


class Fused(torch.optim.Optimizer):
    """States alone: a fused step takes nothing while it runs. `moments` a parameter."""

    def __init__(self, parameters: Iterable[nn.Parameter], *, moments: int = 2) -> None:
        super().__init__(parameters, {})
        self._moments = moments

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ANN401, ARG002  torch's interface
        """Make the states that are not there."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not self.state[parameter]:
                    self.state[parameter] = self._fresh(parameter)

    def _fresh(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        state = {str(place): torch.zeros_like(parameter) for place in range(self._moments)}
        state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        return state


class Bitsandbytes(Fused):
    """States of bitsandbytes: of eight or 32 bits, perhaps paged out to main memory.

    The Trainer asks for 32-bit states of embeddings, whose gradients are uneven.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        embeddings: frozenset[nn.Parameter],
        moments: int = 2,
        eight: bool = True,
        paged: bool = False,
    ) -> None:
        super().__init__(parameters, moments=moments)
        self._embeddings = embeddings
        self._eight = eight
        self._paged = paged

    def _fresh(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        count = parameter.numel()
        if self._paged and count >= SMALLEST_PAGED:
            return {"step": torch.zeros((), device="cpu")}
        eight = self._eight and count >= SMALLEST_8BIT and parameter not in self._embeddings
        state = {}
        for place in range(self._moments):
            kind = torch.uint8 if eight else torch.float32
            state[f"state{place}"] = torch.zeros_like(parameter, dtype=kind)
            if eight:
                state[f"absmax{place}"] = torch.zeros(
                    -(-count // BLOCK_8BIT), device=parameter.device
                )
        return state


ALIASES = {
    "adamw": "adamw_torch",
    "adamw_hf": "adamw_torch",
    "adamw_bnb_8bit": "adamw_8bit",
    "paged_adamw_8bit_bnb": "paged_adamw_8bit",
    "lion": "lion_32bit",
    "sgd_torch": "sgd",
}

MADE: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw_torch": functools.partial(torch.optim.AdamW, lr=1e-4, foreach=True),
    "sgd": functools.partial(torch.optim.SGD, lr=1e-4, foreach=True),
    "adagrad": functools.partial(torch.optim.Adagrad, lr=1e-4, foreach=True),
    "rmsprop": functools.partial(torch.optim.RMSprop, lr=1e-4, foreach=True),
}
BITSANDBYTES: dict[str, dict[str, Any]] = {
    "adamw_8bit": {},
    "paged_adamw_32bit": {"eight": False, "paged": True},
    "paged_adamw_8bit": {"paged": True},
    "lion_8bit": {"moments": 1},
    "lion_32bit": {"moments": 1, "eight": False},
    "paged_lion_8bit": {"moments": 1, "paged": True},
    "paged_lion_32bit": {"moments": 1, "eight": False, "paged": True},
    "rmsprop_bnb": {"moments": 1, "eight": False},
    "rmsprop_bnb_8bit": {"moments": 1},
}


def known() -> tuple[str, ...]:
    """Names of every optimizer whose memory is known."""
    names = {*MADE, *BITSANDBYTES, *ALIASES, "adamw_torch_fused", "adafactor"}
    return tuple(sorted(names))


def create(name: str, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of that name over the trained parameters of a model on the meta device.

    Raises:
        NoSuchOptimizerError: if its memory is not known.
    """
    embeddings = frozenset(
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    )
    return create_over(name, [p for p in model.parameters() if p.requires_grad], embeddings)


def create_over(
    name: str, trained: list[nn.Parameter], embeddings: frozenset[nn.Parameter] = frozenset()
) -> torch.optim.Optimizer:
    """The optimizer of that name over these parameters, some of which are of embeddings.

    Raises:
        NoSuchOptimizerError: if its memory is not known.
    """
    name = ALIASES.get(name, name)
    if name == "adamw_torch_fused":
        return Fused(trained)
    if name in MADE:
        return MADE[name](trained)
    if name in BITSANDBYTES:
        return Bitsandbytes(trained, embeddings=embeddings, **BITSANDBYTES[name])
    if name == "adafactor":
        adafactor: torch.optim.Optimizer = Adafactor(
            trained, lr=1e-4, scale_parameter=False, relative_step=False
        )
        return adafactor
    reason = f'the memory of the optimizer "{name}" is not known; known are {", ".join(known())}'
    raise NoSuchOptimizerError(reason)
