"""The buffer that a CUDA reduction over the rows of a matrix takes.

A sum over the slow dimension (the gradient of a bias, or of a norm's weight) is split over blocks
that meet in a buffer in global memory. The split follows `setReduceConfig` of PyTorch's Reduce.cuh;
the sizes that it gives were held against the allocator's history on an H200.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

THREADS = 512
"""Threads of a block, over all values that one of them writes at once."""
WARP = 32
VECTOR = 4
"""Neighbouring outputs of one thread."""
VECTOR_FROM = 128
"""Outputs from which a thread writes several."""
FEWEST = 16
MOST = 256
"""Values for a thread to sum: fewer are not worth a block, more are split."""
ACCUMULATOR_BYTES = 4


class Processors:
    """What of a GPU decides the split: its multiprocessors and the threads that each holds."""

    __slots__ = ("count", "threads")

    def __init__(self, count: int, threads: int) -> None:
        self.count = count
        self.threads = threads


def buffer_bytes(
    shape: Sequence[int], strides: Sequence[int], dims: Sequence[int], processors: Processors
) -> int:
    """Bytes of the buffer for a sum over `dims`, 0 where none is needed."""
    rows, outputs = _columns(shape, strides, dims)
    if rows == 0:
        return 0
    vector = VECTOR if outputs >= VECTOR_FROM and outputs % VECTOR == 0 else 1
    threads = THREADS // vector
    groups = outputs // vector
    width_limit = threads if groups >= threads else _power(groups)
    height_limit = threads if rows >= threads else _power(rows)
    width = min(width_limit, WARP)
    height = min(height_limit, threads // width)
    width = min(width_limit, threads // height)
    each = rows
    if not (each >= height * FEWEST or each >= MOST):
        return 0
    each = math.ceil(rows / height)
    grid = math.ceil(groups / width)
    target = processors.count * (processors.threads // (width * height))
    if each < MOST or grid > target:
        return 0
    blocks = max(
        min(math.ceil(target / grid), math.ceil(each / FEWEST)),
        math.ceil(each / MOST),
    )
    if blocks <= 1:
        return 0
    return ACCUMULATOR_BYTES * outputs * blocks * width * vector


def _columns(shape: Sequence[int], strides: Sequence[int], dims: Sequence[int]) -> tuple[int, int]:
    """Rows summed and columns kept, (0, 0) where the sum is along the fast dimension."""
    summed = {d % len(shape) for d in dims} if dims else set(range(len(shape)))
    kept = [d for d in range(len(shape)) if d not in summed and shape[d] > 1]
    gone = [d for d in summed if shape[d] > 1]
    if not kept or not gone:
        return 0, 0
    if min(strides[d] for d in gone) < min(strides[d] for d in kept):
        return 0, 0
    return math.prod(shape[d] for d in gone), math.prod(shape[d] for d in kept)


def _power(value: int) -> int:
    """The largest power of two that is not above `value`."""
    return 1 << (value.bit_length() - 1)
