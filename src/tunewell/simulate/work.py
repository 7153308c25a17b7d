"""Arithmetic and traffic of a step, counted from the same operations as its memory."""

from __future__ import annotations

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
    }
)
NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class _Rule:
    """What is counted of one operator."""

    __slots__ = ("formula", "free")

    def __init__(self, func: Any) -> None:  # noqa: ANN401  torch's operator
        schema = func._schema  # noqa: SLF001  torch's only description of it
        views = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
        self.free = views or schema.name in NO_KERNEL
        self.formula = flop_registry.get(func._overloadpacket)  # noqa: SLF001  as above


class Ledger:
    """Operations, bytes and launches by phase, unit and precision."""

    def __init__(self) -> None:
        self._rules: dict[object, _Rule] = {}
        self._counts: dict[tuple[str, str, str], list[float]] = {}

    def count(
        self,
        func: Any,  # noqa: ANN401  torch's operator
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: object,
        phase: str,
    ) -> bool:
        """Count one operation; whether it was a product of matrices."""
        rule = self._rules.get(func)
        if rule is None:
            rule = self._rules[func] = _Rule(func)
        if rule.free:
            return False
        traffic = 0
        precision = "fp32"
        for leaf in (*args, *kwargs.values(), out):
            if isinstance(leaf, torch.Tensor):
                traffic += leaf.numel() * leaf.element_size()
            elif isinstance(leaf, (list, tuple)):
                for inner in tree_leaves(leaf):
                    if isinstance(inner, torch.Tensor):
                        traffic += inner.numel() * inner.element_size()
        operations = 0.0
        if rule.formula is not None:
            operations = float(rule.formula(*args, **kwargs, out_val=out))
            first = next((a for a in args if isinstance(a, torch.Tensor)), None)
            precision = NAMES.get(first.dtype, "fp32") if first is not None else "fp32"
        unit = "matrix" if rule.formula is not None else "vector"
        entry = self._counts.setdefault((phase, unit, precision), [0.0, 0.0, 0.0])
        entry[0] += operations
        entry[1] += traffic
        entry[2] += 1
        return rule.formula is not None and name not in ATTENTION

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
            for (phase, unit, precision), (operations, traffic, kernels) in sorted(
                self._counts.items()
            )
            if phase == counted
        )


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
