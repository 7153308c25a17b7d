"""Linear layers of four and eight bits, by their memory: what bitsandbytes holds and casts.

bitsandbytes has no kernels for the meta device. Sources: bitsandbytes 0.50 (functional.py,
nn/modules.py, autograd/_functions.py) and Dettmers et al. 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by
from torch import nn

BLOCK = 64
"""Weights with one scale."""
SCALES = 256
"""Scales with one scale of their own, with double quantisation."""
CODES = 16
CODES_8 = 256
OUTLIER = 6.0
"""Inputs beyond it are multiplied in 16 bits: `llm_int8_threshold` as transformers sets it."""


_LIBRARY: Any = torch.library.Library  # it has no types
OPERATIONS = _LIBRARY("tunewell", "DEF")
"""bitsandbytes' kernels by names of their own, so that their time can be counted."""
OPERATIONS.define("unpack(int[] shape, *, ScalarType dtype, Device device) -> Tensor")
OPERATIONS.define("pack(Tensor values, *, ScalarType dtype) -> Tensor")


def _unpack(shape: Sequence[int], *, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device=device)


def _pack(values: torch.Tensor, *, dtype: torch.dtype) -> torch.Tensor:
    return torch.empty_like(values, dtype=dtype)


OPERATIONS.impl("unpack", _unpack, "CompositeExplicitAutograd")
OPERATIONS.impl("pack", _pack, "Meta")


class Packed(nn.Linear):
    """A frozen linear layer whose weight is not there as such."""

    compute: torch.dtype
    prepared = False
    """Whether the model around it stands as its user made it, nothing left to be cast."""

    def __init__(self, linear: nn.Linear, compute: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        self.compute = compute


class Linear4bit(Packed):
    """NF4: half a byte a weight, a scale for each 64 (one byte of it where packed twice)."""

    def __init__(self, linear: nn.Linear, compute: torch.dtype, *, double: bool) -> None:
        super().__init__(linear, compute)
        count = linear.weight.numel()
        blocks = -(-count // BLOCK)
        self._scales = blocks if double else 0
        device = linear.weight.device
        self.weight = nn.Parameter(
            torch.empty(((count + 1) // 2, 1), dtype=torch.uint8, device=device),
            requires_grad=False,
        )
        scale = torch.uint8 if double else torch.float32
        self.register_buffer("absmax", torch.empty(blocks, dtype=scale, device=device))
        self.register_buffer("code", torch.empty(CODES, device=device))
        if double:
            self.register_buffer("offset", torch.empty((), device=device))
            self.register_buffer("absmax2", torch.empty(-(-blocks // SCALES), device=device))
            self.register_buffer("code2", torch.empty(CODES_8, device=device))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  torch's name
        """The product in the compute precision, answered in the input's."""
        bias = self.bias.to(self.compute) if self.bias is not None else None
        shape = (self.out_features, self.in_features)
        out: torch.Tensor = _Product4bit.apply(  # type: ignore[no-untyped-call]  # torch's
            input.to(self.compute), bias, shape, self._scales
        )
        return out.to(input.dtype)


class _Product4bit(torch.autograd.Function):
    """The weight is unpacked for the product and forgotten, in both directions."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's context
        values: torch.Tensor,
        bias: torch.Tensor | None,
        shape: tuple[int, int],
        scales: int,
    ) -> torch.Tensor:
        # bitsandbytes keeps the weight beside what autograd saves: a recomputed layer, which stops
        # at the last tensor that autograd wants back, does not run its last packed product again.
        ctx.shape, ctx.scales = shape, scales
        single = torch.empty(scales, device=values.device)
        unpacked = _unpacked(shape, values)
        del single
        return F.linear(values, unpacked, bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # noqa: ANN401  as above
        single = torch.empty(ctx.scales, device=gradient.device)
        unpacked = _unpacked(ctx.shape, gradient)
        del single
        return torch.matmul(gradient, unpacked), None, None, None


def _unpacked(shape: tuple[int, int], like: torch.Tensor) -> torch.Tensor:
    """The weight as the product reads it."""
    weight: torch.Tensor = torch.ops.tunewell.unpack(shape, dtype=like.dtype, device=like.device)
    return weight


class Linear8bit(Packed):
    """LLM.int8(): a byte a weight and a scale a row; inputs are packed for the product."""

    def __init__(self, linear: nn.Linear, compute: torch.dtype) -> None:
        super().__init__(linear, compute)
        device = linear.weight.device
        self.weight = nn.Parameter(
            torch.empty(linear.weight.shape, dtype=torch.int8, device=device), requires_grad=False
        )
        self.register_buffer("SCB", torch.empty(self.out_features, device=device))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  torch's name
        """The product, answered in the input's precision."""
        out: torch.Tensor = _Product8bit.apply(  # type: ignore[no-untyped-call]  # torch's
            input, self.weight, self.SCB, self.bias
        )
        return out


class _Product8bit(torch.autograd.Function):
    """The input is kept beside what autograd saves: recomputing layers does not free it."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's context
        values: torch.Tensor,
        weight: torch.Tensor,
        scales: torch.Tensor,
        bias: torch.Tensor | None,
    ) -> torch.Tensor:
        rows = values.reshape(-1, values.shape[-1])
        half = rows.to(torch.float16)
        packed = torch.ops.tunewell.pack(rows, dtype=torch.int8)
        packed_scales = torch.empty(rows.shape[0], device=rows.device)
        outliers = half.abs() >= OUTLIER
        del outliers, half
        wide = torch._int_mm(packed, weight.t())  # noqa: SLF001  the only one of integers
        out = wide.to(torch.float16)
        if bias is not None:
            out = out.add_(bias)
        out = out.to(values.dtype)
        del packed, packed_scales, wide
        ctx.kept, ctx.weight, ctx.scales, ctx.shape = rows, weight, scales, values.shape
        return out.reshape(*values.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # noqa: ANN401  as above
        rows = gradient.reshape(-1, gradient.shape[-1]).contiguous()
        dtype = ctx.kept.dtype
        unpacked = torch.ops.tunewell.pack(ctx.weight, dtype=dtype).mul_(
            ctx.scales.unsqueeze(1).mul(1 / 127)
        )
        return torch.matmul(rows.to(dtype), unpacked).view(ctx.shape), None, None, None


def pack_linears(
    model: nn.Module,
    method: str,
    *,
    compute: torch.dtype,
    double: bool,
    skip: Sequence[str],
) -> None:
    """Put packed layers in the place of every linear layer but those named in `skip`."""
    for parent_name, parent in list(model.named_modules()):
        for name, child in list(parent.named_children()):
            whole = f"{parent_name}.{name}" if parent_name else name
            if type(child) is not nn.Linear or whole in skip or name in skip:
                continue
            packed: Packed
            if method == "nf4":
                packed = Linear4bit(child, compute, double=double)
            else:
                packed = Linear8bit(child, compute)
            setattr(parent, name, packed)


def lora_over(config: Any) -> None:  # noqa: ANN401  peft.LoraConfig
    """Tell PEFT how adapters lie over packed layers, as its own classes for bitsandbytes do."""
    from peft.tuners.lora.layer import Linear  # noqa: PLC0415  peft may be missing

    class OverPacked(Linear):  # type: ignore[misc]  # peft has no types
        """`peft.tuners.lora.bnb`: over four bits the base's answer is copied, then added to."""

        def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401, ARG002  peft's interface
            """Base and adapter."""
            result = self.base_layer(x)
            if isinstance(self.base_layer, Linear4bit):
                result = result.clone()
            expected = result.dtype
            convert = not torch.is_autocast_enabled()
            for name in self.active_adapters:
                down, up = self.lora_A[name], self.lora_B[name]
                if convert:
                    x = self._cast_input_dtype(x, down.weight.dtype)
                output = up(down(self.lora_dropout[name](x))) * self.scaling[name]
                if convert:
                    output = output.to(expected)
                result = result + output
            answer: torch.Tensor = result
            return answer

    config._register_custom_module({Linear4bit: OverPacked, Linear8bit: OverPacked})  # noqa: SLF001  peft's documented name
