"""The user's own modules, copied to the meta device: no weight is read, and none is copied."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from tunewell.simulate.copies import own_forward
from tunewell.simulate.quantised import Linear4bit, Linear8bit, Packed

META = "meta"
BITSANDBYTES = {"Linear4bit": "nf4", "LinearNF4": "nf4", "LinearFP4": "nf4", "Linear8bitLt": "int8"}
"""Packed layers of bitsandbytes, by the way of packing."""
DISPATCHED = ("forward", "_old_forward", "_hf_hook")
"""What accelerate puts on a module that it spread over devices."""


class NotCopiedError(Exception):
    """The modules cannot be copied without their weights: one sentence."""


class Copier:
    """Copies objects that share modules, each module once.

    Hooks are copied with their modules, and functions among them stay the user's.
    """

    def __init__(self) -> None:
        self._memo: dict[int, Any] = {}
        self._kept: list[object] = []

    def copy(self, thing: Any) -> Any:  # noqa: ANN401  a module, or what holds some
        """A deep copy whose weights, buffers and other tensors of modules are empty.

        Raises:
            NotCopiedError: if it has packed weights that are not known, or cannot be copied.
        """
        modules = list(modules_in(thing))
        for module in modules:
            for inner in module.modules():
                self._prepare(inner)
        try:
            made = copy.deepcopy(thing, self._memo)
        except Exception as error:
            first = str(error).partition("\n")[0]
            message = f"{type(thing).__name__} cannot be copied: {type(error).__name__}: {first}"
            raise NotCopiedError(message) from error
        for module in modules:
            for inner in module.modules():
                self._own(inner)
        return made

    def _own(self, original: nn.Module) -> None:
        """Let a copied module run its own layers, whatever was put around its forward."""
        copied = self._memo.get(id(original))
        if copied is None or isinstance(copied, Packed):
            return
        if "_hf_hook" in vars(copied):
            for name in DISPATCHED:
                vars(copied).pop(name, None)
        if "forward" in vars(original):
            own_forward(copied, original)

    def _prepare(self, module: nn.Module) -> None:
        if id(module) in self._memo:
            return
        method = BITSANDBYTES.get(type(module).__name__)
        if method is not None and type(module).__module__.startswith("bitsandbytes"):
            if module.bias is not None:
                self._empty(module.bias)
            self._put(module, self._packed(module, method))
            return
        for value in (*module._parameters.values(), *module._buffers.values()):  # noqa: SLF001  torch's own
            if value is not None:
                self._empty(value)
        for value in vars(module).values():
            if isinstance(value, torch.Tensor):
                self._empty(value)

    def _empty(self, tensor: Any) -> None:  # noqa: ANN401  a tensor of any class
        if id(tensor) not in self._memo:
            self._put(tensor, empty(tensor))

    def _put(self, original: object, made: object) -> None:
        # A memo is by address: what is in it must not be collected before the copy is done.
        self._kept.append(original)
        self._memo[id(original)] = made

    def _packed(self, module: Any, method: str) -> Packed:  # noqa: ANN401  bitsandbytes has no types
        plain = nn.Linear(module.in_features, module.out_features, bias=False, device=META)
        plain.register_parameter("bias", self._memo.get(id(module.bias)))
        compute = getattr(module, "compute_dtype", None) or torch.float16
        if method == "int8":
            made: Packed = Linear8bit(plain, torch.float16)
        else:
            state = getattr(module.weight, "quant_state", None)
            double = getattr(state, "nested", getattr(module.weight, "compress_statistics", False))
            made = Linear4bit(plain, compute, double=bool(double))
        made.prepared = True
        return made.train(module.training)


def empty(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of the same shape, strides and precision, without values.

    Raises:
        NotCopiedError: if it is of a class of its own, whose memory is not known.
    """
    kind = type(tensor.data)
    if kind is not torch.Tensor:
        message = f"weights of the kind {kind.__module__}.{kind.__name__} are not known here"
        raise NotCopiedError(message)
    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(made, requires_grad=tensor.requires_grad)
    return made


def modules_in(thing: Any) -> Iterable[nn.Module]:  # noqa: ANN401  a module, or what holds some
    """The modules that an object is, or holds in a list or a dictionary."""
    if isinstance(thing, nn.Module):
        yield thing
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from modules_in(value)
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from modules_in(value)
