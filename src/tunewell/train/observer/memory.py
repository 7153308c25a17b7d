"""What the process holds in memory, asked in microseconds."""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path

import torch

STATM = Path("/proc/self/statm")


@lru_cache(maxsize=1)
def _page() -> int:
    return os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def memory_in_use() -> dict[str, float]:
    """Bytes by column name; what the system does not tell is left out.

    The figures of CUDA are the allocator's own and wait for nothing.
    """
    values: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):  # not Linux
        values["process_bytes"] = float(int(STATM.read_text().split()[1]) * _page())
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        # One call for all: each makes the whole table of the allocator's figures.
        told = torch.cuda.memory_stats()
        values["cuda_allocated_bytes"] = float(told.get("allocated_bytes.all.current", 0))
        values["cuda_reserved_bytes"] = float(told.get("reserved_bytes.all.current", 0))
        values["cuda_peak_bytes"] = float(told.get("allocated_bytes.all.peak", 0))
        values["cuda_peak_reserved_bytes"] = float(told.get("reserved_bytes.all.peak", 0))
    return values


def gpu() -> dict[str, str | int] | None:
    """`name` and `bytes` of the GPU that this process uses, None where it uses none."""
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):  # type: ignore[no-untyped-call]
        return None
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    return {"name": card.name, "bytes": card.total_memory}
