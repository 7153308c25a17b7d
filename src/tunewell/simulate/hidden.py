"""Memory that CUDA kernels take inside one operation, where no dispatch can see it.

Found by reading PyTorch's CUDA sources and by comparing with measured runs; each rule says which.
It is held while the operation runs, outputs included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tunewell.simulate.reductions import Processors, buffer_bytes

HALF_BYTES = 2
FLASH_ROWS = 128
"""Rows to which the flash backward pass rounds the sequence for its fp32 accumulator of dq."""
FLASH_WIDTH = 32
"""Columns to which it rounds the head dimension."""
WIDE_HEAD = 64
INDEX_BYTES = 8


def hidden_bytes(name: str, args: tuple[Any, ...], processors: Processors) -> int:
    """What the kernel of an operation takes, by the operation's name and arguments."""
    rule = RULES.get(name)
    return rule(args, processors) if rule is not None else 0


def _bytes(tensor: Any) -> int:  # noqa: ANN401  torch's tensor
    return int(tensor.numel() * tensor.element_size())


def _up(value: int, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _softmax_backward(args: tuple[Any, ...], _: Processors) -> int:
    # softmax_backward_cuda_out makes `grad * output` before its kernel.
    return _bytes(args[0])


def _flash_backward(args: tuple[Any, ...], _: Processors) -> int:
    # mha_bwd allocates softmax_d and dq_accum in fp32, and dk, dv of all query heads with fewer
    # key heads than query heads.
    query, key = args[1], args[2]
    batch, heads, length, width = query.shape
    rows = _up(length, FLASH_ROWS)
    size = int(batch * heads * rows * 4 * (1 + _up(width, FLASH_WIDTH)))
    if key.shape[1] != heads:
        size += 2 * batch * heads * key.shape[2] * width * query.element_size()
    return size


def _cudnn_backward(args: tuple[Any, ...], _: Processors) -> int:
    # Read from histories on an H200 (two models with fewer key heads than query heads): dq in fp32,
    # a sum a row in fp32, dk and dv of all query heads, and some 512 bytes more.
    query, key = args[1], args[2]
    batch, heads, length, width = query.shape
    size = int(batch * heads * length * 4 * (1 + width)) + 512
    if key.shape[1] != heads:
        size += 2 * batch * heads * key.shape[2] * width * query.element_size()
    return size


def _efficient_backward(args: tuple[Any, ...], _: Processors) -> int:
    # delta in fp32; heads wider than 64 in 16 bits also accumulate grad_q in fp32.
    query = args[1]
    batch, heads, length, width = query.shape
    size = int(batch * heads * length * 4)
    if query.element_size() == HALF_BYTES and width > WIDE_HEAD:
        size += batch * heads * length * width * 4
    return size


def _embedding_backward(args: tuple[Any, ...], _: Processors) -> int:
    # embedding_dense_backward_cuda sorts the indices: both keys and places, twice.
    return 4 * INDEX_BYTES * int(args[1].numel())


def _sum(args: tuple[Any, ...], processors: Processors) -> int:
    tensor = args[0]
    dims = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    return buffer_bytes(tensor.shape, tensor.stride(), dims, processors)


RULES: dict[str, Callable[[tuple[Any, ...], Processors], int]] = {
    "aten::sum": _sum,
    "aten::mean": _sum,
    "aten::_softmax_backward_data": _softmax_backward,
    "aten::_scaled_dot_product_flash_attention_backward": _flash_backward,
    "aten::_scaled_dot_product_cudnn_attention_backward": _cudnn_backward,
    "aten::_scaled_dot_product_efficient_attention_backward": _efficient_backward,
    "aten::embedding_dense_backward": _embedding_backward,
}
