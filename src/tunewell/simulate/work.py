"""Arithmetic and traffic of a step, counted from the same operations as its memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from tunewell.plan.simulated import Work

NO_KERNEL = frozenset(
    {
        "aten::empty",
        "aten::empty_like",
        "aten::empty_strided",
        "aten::new_empty",
        "aten::new_empty_strided",
        "aten::_unsafe_view",
        "aten::detach",
        "aten::alias",
        "aten::lift_fresh",
        "aten::_local_scalar_dense",
        "profiler::_record_function_enter_new",
        "profiler::_record_function_exit",
    }
)
ONLY_WRITTEN = frozenset({"aten::zero_", "aten::fill_", "aten::copy_", "aten::uniform_"})
"""Operations in place that do not read what they write over."""

ONLY_TOUCHED = frozenset(
    {
        "aten::embedding",
        "aten::index",
        "aten::gather",
        "aten::index_select",
        "aten::nll_loss_forward",
        "aten::nll_loss2d_forward",
    }
)
"""Operations that read no more of their first tensor than they answer."""

ADDED_TO = frozenset(
    {"aten::index_add_", "aten::scatter_add_", "aten::index_put_", "aten::scatter_"}
)
"""Operations in place that touch no more of their first tensor than they are given."""

NAMES = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.float16: "fp16",
    torch.int8: "int8",
}


HALF = frozenset({"bf16", "fp16"})
ALIGNED = 8
"""Values of 16 bits that tensor cores read at once. cuBLAS is several times slower on matrices
whose rows do not begin at a multiple of them, such as the logits of gpt2's 50,257 tokens."""

TENSORS = 16
"""Tensors of a list that the host gets ready in about the time that one launch takes."""


def _product(left: torch.Tensor, right: torch.Tensor, *_: object, **__: object) -> float:
    """Operations of a product whose groups or integers torch's own table leaves out."""
    return 2.0 * left.numel() * right.shape[-1]


MORE_FORMULAS: dict[str, Callable[..., float]] = {
    "aten::_int_mm": _product,
    "aten::_grouped_mm": _product,
}
ATTENTION = frozenset(
    {
        "aten::_scaled_dot_product_flash_attention",
        "aten::_scaled_dot_product_flash_attention_backward",
        "aten::_scaled_dot_product_efficient_attention",
        "aten::_scaled_dot_product_efficient_attention_backward",
        "aten::_scaled_dot_product_cudnn_attention",
        "aten::_scaled_dot_product_cudnn_attention_backward",
    }
)
NOT_CUBLAS = ATTENTION | {"aten::_int_mm"}
"""Products without the workspace that PyTorch gives cuBLAS: bitsandbytes calls its own."""

PACKING = frozenset({"tunewell::pack", "tunewell::unpack"})
CONVOLUTIONS = frozenset({"aten::convolution", "aten::convolution_backward"})


class _Rule:
    """What is counted of one operator."""

    __slots__ = ("count_on_host", "first", "formula", "free", "out", "unit", "written")

    def __init__(self, func: Any) -> None:  # noqa: ANN401  torch's operator
        schema = func._schema  # noqa: SLF001  torch's only description of it
        name = schema.name
        views = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        self.free = views or name in NO_KERNEL
        self.formula: Callable[..., float] | None = flop_registry.get(
            func._overloadpacket,  # noqa: SLF001  as above
            MORE_FORMULAS.get(name),
        )
        self.unit = "vector"
        if self.formula is not None:
            self.unit = "matrix"
        if name in ATTENTION:
            self.unit = "attention"
        elif name in CONVOLUTIONS:
            self.unit = "convolution"
        elif name in PACKING:
            self.unit = "packing"
        self.count_on_host = name == "aten::add_"  # of a tensor with no dimensions
        # Lists of tensors are changed in place and not answered.
        self.written = [
            place
            for place, argument in enumerate(schema.arguments if not schema.returns else ())
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        self.first = name not in ONLY_WRITTEN | ONLY_TOUCHED | ADDED_TO
        self.out = 2 if name in ONLY_TOUCHED else 0 if name in ADDED_TO else 1


class Ledger:
    """Operations, bytes and launches by phase, unit, precision and size of the kernel."""

    def __init__(self) -> None:
        self._rules: dict[object, _Rule] = {}
        self._counts: dict[tuple[str, str, str, int, int], list[float]] = {}

    def count(
        self,
        func: Any,  # noqa: ANN401  torch's operator
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: object,
        phase: str,
    ) -> bool:
        """Count one operation; whether it was a product of matrices by PyTorch's cuBLAS."""
        rule = self._rules.get(func)
        if rule is None:
            rule = self._rules[func] = _Rule(func)
        if rule.free or (rule.count_on_host and args[0].dim() == 0):
            # Optimizers keep the number of their steps on the host.
            return False
        read = args if rule.first else args[1:]
        written = [args[place] for place in rule.written if place < len(args)]
        traffic = sum(map(_bytes, _tensors((*read, *written, *kwargs.values()))))
        traffic += rule.out * sum(map(_bytes, _tensors((out,))))
        operations = 0.0
        precision = "fp32"
        unit = rule.unit
        if rule.formula is not None:
            operations = float(rule.formula(*args, **kwargs, out_val=out))
            first = next((a for a in args if isinstance(a, torch.Tensor)), None)
            precision = NAMES.get(first.dtype, "fp32") if first is not None else "fp32"
            if unit == "matrix" and precision in HALF and not _aligned((*args, out)):
                unit = "unaligned"
        # Powers of two: how fast a kernel runs depends on how large it is.
        key = (phase, unit, precision, math.frexp(operations)[1], traffic.bit_length())
        entry = self._counts.setdefault(key, [0.0, 0.0, 0.0])
        entry[0] += operations
        entry[1] += traffic
        entry[2] += _launches(args)
        return rule.formula is not None and name not in NOT_CUBLAS

    def work(self, counted: str, *, name: str, scale: float) -> tuple[Work, ...]:
        """The counts of the phase `counted`, times `scale`, under another name."""
        return tuple(
            Work(
                phase=name,
                unit=unit,
                precision=precision,
                operations=operations * scale,
                bytes=traffic * scale,
                kernels=round(kernels * scale),
            )
            for (phase, unit, precision, *_), (operations, traffic, kernels) in sorted(
                self._counts.items()
            )
            if phase == counted
        )


def _launches(args: tuple[Any, ...]) -> int:
    """Kernels of one operation, by what the host does for it: lists of tensors take it longer."""
    first = args[0] if args else None
    return 1 + len(first) // TENSORS if isinstance(first, (list, tuple)) else 1


def _aligned(operands: tuple[Any, ...]) -> bool:
    """Whether the rows of all matrices begin where tensor cores can read them."""
    for each in operands:
        if isinstance(each, torch.Tensor) and each.dim() > 1:
            rows, columns = each.stride()[-2:]
            if (rows if columns == 1 else columns) % ALIGNED:
                return False
    return True


def _tensors(values: tuple[Any, ...]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            for inner in tree_leaves(value):
                if isinstance(inner, torch.Tensor):
                    yield inner


def _bytes(tensor: torch.Tensor) -> int:
    """What a kernel reads or writes of a tensor: what is expanded stays in the cache."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
