"""`torch.autocast` as a CUDA run would do it, for tensors without storage.

PyTorch switches autocast off where there is no CUDA, and never casts on the meta device. The lists
are those of PyTorch's "CUDA Op-Specific Behavior" page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by

HALF = (torch.float16, torch.bfloat16)


def _found(owners: tuple[object, ...], names: str) -> set[Callable[..., Any]]:
    return {
        getattr(owner, name) for owner in owners for name in names.split() if hasattr(owner, name)
    }


LOWERED = (
    _found(
        (F,),
        "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d prelu "
        "scaled_dot_product_attention",
    )
    | _found(
        (torch,),
        "matmul mm bmm addmm addbmm baddbmm addmv mv chain_matmul einsum conv1d conv2d conv3d "
        "_grouped_mm",
    )
    | _found((torch.Tensor,), "__matmul__ __rmatmul__ matmul mm bmm addmm addbmm baddbmm addmv mv")
)
"""Run in the lower precision."""

RAISED = (
    _found(
        (F,),
        "layer_norm group_norm softmax log_softmax softplus cosine_similarity mse_loss nll_loss "
        "kl_div l1_loss smooth_l1_loss binary_cross_entropy_with_logits cosine_embedding_loss "
        "normalize rms_norm",
    )
    | _found(
        (torch, torch.Tensor),
        "softmax log_softmax pow rsqrt exp expm1 log log10 log2 log1p reciprocal sinh cosh tan "
        "acos asin erfinv cumsum cumprod prod norm dist cdist logsumexp renorm sum layer_norm "
        "group_norm rms_norm",
    )
    | _found((torch.Tensor,), "__pow__ __rpow__")
)
"""Run in fp32."""


class Autocast:
    """Casts of arguments, with the cache of cast weights that the outermost region owns."""

    def __init__(self, dtype: torch.dtype, told: Callable[[torch.Tensor], None]) -> None:
        self.dtype = dtype
        self._told = told
        self.enabled = False
        self._cache: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @contextmanager
    def region(self, *, enabled: bool = True) -> Iterator[None]:
        """A `with torch.autocast(...)` block; leaving the outermost one empties the cache."""
        before = self.enabled
        self.enabled = enabled
        try:
            with (
                mock.patch.object(torch, "is_autocast_enabled", self._asked),
                mock.patch.object(torch, "get_autocast_dtype", self._which),
            ):
                yield
        finally:
            self.enabled = before
            if not before:
                self._cache.clear()

    def _asked(self, *_: object) -> bool:
        return self.enabled

    def _which(self, *_: object) -> torch.dtype:
        return self.dtype

    def lowered(self, value: Any) -> Any:  # noqa: ANN401  an argument of any kind
        """An argument of an operation that runs in the lower precision."""
        if isinstance(value, torch.Tensor):
            if not value.is_floating_point() or value.dtype in {self.dtype, torch.float64}:
                return value
            # PyTorch caches casts of fp32 leaves that want a gradient, and of no other tensor.
            if not (value.dtype == torch.float32 and value.requires_grad and value.is_leaf):
                return value.to(self.dtype)
            if value._is_view():  # noqa: SLF001  as autocast_mode.cpp asks
                return value.to(self.dtype)
            known = self._cache.get(id(value))
            if known is None:
                known = self._cache[id(value)] = (value, value.to(self.dtype))
                self._told(known[1])
            return known[1]
        if isinstance(value, (list, tuple)):
            return type(value)(self.lowered(item) for item in value)
        return value

    def raised(self, value: Any) -> Any:  # noqa: ANN401  an argument of any kind
        """An argument of an operation that runs in fp32."""
        if isinstance(value, torch.Tensor):
            return value.float() if value.dtype in HALF else value
        if isinstance(value, (list, tuple)):
            return type(value)(self.raised(item) for item in value)
        return value

    def cast(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments as this function gets them."""
        if func in LOWERED:
            change = self.lowered
        elif func in RAISED and kwargs.get("dtype") is None:
            change = self.raised
        else:
            return args, kwargs
        return tuple(change(a) for a in args), {name: change(v) for name, v in kwargs.items()}


def cross_entropy(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """Cross-entropy of 16-bit logits under autocast; None where the plain one is right.

    It hands `log_softmax` a precision of its own, which keeps it in 16 bits; only the loss that
    follows is computed in fp32.
    """
    logits, target = args[0], args[1]
    plain = kwargs.get("label_smoothing") or target.is_floating_point()
    if logits.dtype not in HALF or logits.dim() != 2 or plain:  # noqa: PLR2004  rows and classes
        return None
    log_probabilities = torch.ops.aten._log_softmax(logits, 1, False)  # noqa: SLF001  the operator
    reductions = {"none": 0, "mean": 1, "sum": 2}
    loss: torch.Tensor = torch.ops.aten.nll_loss(
        log_probabilities.float(),
        target,
        kwargs.get("weight"),
        reductions[kwargs.get("reduction", "mean")],
        kwargs.get("ignore_index", -100),
    )
    return loss
