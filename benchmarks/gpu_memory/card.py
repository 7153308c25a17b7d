"""What this GPU reaches: bandwidth of copies, rates of matrix products, cost of a launch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

SIDE = 8192
"""Of the square matrices whose product is timed."""
COPY_BYTES = 4 * 1024**3
LAUNCHES = 5000


def measure_card(device: torch.device) -> dict[str, Any]:
    """Bytes per second (read and written), operations per second, and seconds per launch."""
    properties = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    context = total - free - torch.cuda.memory_reserved(device)
    return {
        "name": properties.name,
        "capability": properties.major * 10 + properties.minor,
        "processors": properties.multi_processor_count,
        "total_bytes": total,
        "property_bytes": properties.total_memory,
        "bare_context_bytes": context,
        "copy_bytes_per_second": _copy(device),
        "add_bytes_per_second": _add(device),
        "matrix_operations_per_second": {
            "bf16": _matrix(device, torch.bfloat16),
            "fp16": _matrix(device, torch.float16),
            "tf32": _matrix(device, torch.float32, tf32=True),
            "fp32": _matrix(device, torch.float32),
        },
        "launch_seconds": _launch(device),
    }


def _seconds(work: Callable[[], object], repeats: int, warm_ups: int = 3) -> float:
    """Of one call, the mean of `repeats` between two synchronisations."""
    for _ in range(warm_ups):
        work()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / repeats


def _copy(device: torch.device) -> float:
    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _seconds(lambda: target.copy_(source), 20)


def _add(device: torch.device) -> float:
    """Two tensors read and one written, as most of the elementwise work is."""
    left = torch.randn(COPY_BYTES // 8, dtype=torch.bfloat16, device=device)
    right = torch.randn_like(left)
    out = torch.empty_like(left)
    moved = 3 * left.numel() * left.element_size()
    return moved / _seconds(lambda: torch.add(left, right, out=out), 20)


def _matrix(device: torch.device, dtype: torch.dtype, *, tf32: bool = False) -> float:
    torch.backends.cuda.matmul.allow_tf32 = tf32
    left = torch.randn(SIDE, SIDE, dtype=dtype, device=device)
    right = torch.randn(SIDE, SIDE, dtype=dtype, device=device)
    seconds = _seconds(lambda: left @ right, 10)
    torch.backends.cuda.matmul.allow_tf32 = False
    return 2 * SIDE**3 / seconds


def _launch(device: torch.device) -> float:
    small = torch.zeros(8, device=device)
    return _seconds(lambda: small.add_(1), LAUNCHES)
