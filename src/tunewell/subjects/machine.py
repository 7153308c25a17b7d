"""The machine that will train."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Machine:
    """Cores, memory and disk in bytes; `gpu_bytes` is the smallest GPU's memory, None without.

    `gpus` counts the GPUs; None where that is not known.
    """

    cores: int
    memory_bytes: int
    disk_free_bytes: int
    gpu_name: str | None = None
    gpu_bytes: int | None = None
    gpus: int | None = None
