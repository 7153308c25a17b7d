"""What a CUDA run decides differently from one on the meta device, above the dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by
from torch.overrides import TorchFunctionMode

from tunewell.simulate.attention import Kernels
from tunewell.simulate.autocast import Autocast, cross_entropy
from tunewell.simulate.storages import Storages

META = "meta"
ANSWERED = frozenset(
    {torch.Tensor.__bool__, torch.Tensor.item, torch.Tensor.__int__, torch.Tensor.__float__}
)
ODD = frozenset(
    getattr(owner, name)
    for owner in (torch, torch.Tensor)
    for name in ("isnan", "isinf", "isposinf", "isneginf")
    if hasattr(owner, name)
)
"""Questions that a healthy step answers with no."""
NEVER = "tunewell_never"
"""Attribute of a tensor of such answers."""
PASSED_ON = frozenset(
    {torch.any, torch.Tensor.any, torch.logical_or, torch.Tensor.logical_or, torch.Tensor.__or__}
)
VALUES = frozenset({torch.Tensor.tolist, torch.Tensor.numpy})
ASKED = ANSWERED | ODD | PASSED_ON | VALUES | {torch.Tensor.cpu}
SOFTMAX = frozenset({F.softmax, torch.softmax, torch.Tensor.softmax})


class Cuda(TorchFunctionMode):
    """Attention kernels, fused dropout, fused casts, autocast, and answers to questions of values.

    A model asks its tensors few questions whose answer changes what it runs; nearly all of them
    are whether a mask leaves everything in. `padded` is the answer to these. Nothing is infinite
    or not a number.
    """

    def __init__(self, kernels: Kernels, *, autocast: Autocast | None, padded: bool) -> None:
        super().__init__()
        self.kernels = kernels
        self.autocast = autocast
        self._padded = padded

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401  torch's interface
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  whatever the function answers
        """Run one function of torch as CUDA would."""
        named = kwargs or {}
        if func in ASKED and args[0].device.type == META:
            return self._asked(func, args, named)
        if func is F.dropout:
            return _dropout(*args, **named)
        if func in SOFTMAX and _raises_half(args, named):
            # CUDA reads fp16 and writes fp32 in one kernel; for bf16 it does not.
            place = named.get("dim", args[1] if len(args) > 1 else -1)
            return torch.ops.aten._softmax(args[0], place, True)  # noqa: SLF001  the operator
        autocast = self.autocast
        if autocast is not None and autocast.enabled:
            if func is F.cross_entropy:
                loss = cross_entropy(args, named)
                if loss is not None:
                    return loss
            args, named = autocast.cast(func, args, named)
        if func is F.scaled_dot_product_attention:
            return self.kernels(*args, **named)
        return func(*args, **named)

    def _asked(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:  # noqa: ANN401  whatever the function answers
        """What a model or a loss learns of values, and where these go."""
        if func in ANSWERED:
            return self._answer(func, args[0])
        if func is torch.Tensor.cpu:
            # What is copied to main memory takes nothing here.
            return args[0]
        if func in VALUES:
            zeros = np.zeros(tuple(args[0].shape))
            return zeros.tolist() if func is torch.Tensor.tolist else zeros
        answer = func(*args, **kwargs)
        if func in ODD or getattr(args[0], NEVER, False):
            setattr(answer, NEVER, True)
        return answer

    def _answer(self, func: Callable[..., Any], tensor: torch.Tensor) -> bool | int | float:
        if getattr(tensor, NEVER, False):
            return False
        if tensor.dtype == torch.bool or func is torch.Tensor.__bool__:
            return not self._padded
        # A count or a longest length: 1 leaves every branch on its usual side.
        return 1 if not tensor.is_floating_point() else 1.0


def _dropout(
    tensor: torch.Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,  # noqa: ARG001  torch's interface
) -> torch.Tensor:
    """CUDA's fused dropout keeps a mask of one byte a value."""
    if not training or p == 0:
        return tensor
    dropped: torch.Tensor = torch.native_dropout(tensor, p, True)[0]
    return dropped


def _raises_half(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return kwargs.get("dtype") == torch.float32 and args[0].dtype == torch.float16


def _no(*_: object) -> bool:
    return False


@contextmanager
def regions_of(autocast: Autocast | None) -> Iterator[None]:
    """Let `torch.autocast` blocks inside models, and in recomputed layers, steer the emulation."""
    entered: dict[int, AbstractContextManager[None]] = {}

    def enter(self: Any) -> Any:  # noqa: ANN401  torch's class
        region = autocast.region(enabled=self._enabled) if autocast is not None else nullcontext()
        entered[id(self)] = region
        entered[id(self)].__enter__()
        return self

    def leave(self: Any, *problem: Any) -> Any:  # noqa: ANN401  torch's class
        return entered.pop(id(self)).__exit__(*problem)

    def create(self: Any, device_type: str = "", *_: Any, enabled: bool = True, **__: Any) -> None:  # noqa: ANN401, ARG001  torch's class
        self._enabled = enabled

    with (
        # Without mixed precision too: PyTorch knows no autocast of the meta device.
        mock.patch.object(torch, "is_autocast_enabled", _no),
        mock.patch.object(torch.autocast, "__init__", create),
        mock.patch.object(torch.autocast, "__enter__", enter),
        mock.patch.object(torch.autocast, "__exit__", leave),
    ):
        yield


class Recomputed:
    """For `context_fn` of a checkpoint: function modes are not active in the backward pass."""

    def __init__(self, cuda: Cuda, storages: Storages) -> None:
        self._cuda = cuda
        self._storages = storages

    def __call__(self) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        """Nothing more in the forward pass, the emulation in the recomputation."""
        return nullcontext(), self._again()

    @contextmanager
    def _again(self) -> Iterator[None]:
        with self._storages.recomputing(), self._cuda:
            yield
