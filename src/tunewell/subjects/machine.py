"""The machine that will train."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Machine:
    """Cores, memory and disk in bytes; `gpu_bytes` is the smallest GPU's memory, None without.

    `memory_bytes` is what a process is killed beyond: the limit of the container where there is
    one, `memory_limited` says so. `memory_available_bytes` of it are free or can be freed.
    `swap_bytes` is the machine's swap. `shared_memory_bytes` are free in /dev/shm, which the
    workers of a data loader pass batches through; None where there is no such place.

    `gpus` counts the GPUs that a process sees; None where that is not known. `gpu_free_bytes` is
    the least that any of them has free, `gpu_capability` the lowest compute capability times ten.
    """

    cores: int
    memory_bytes: int
    disk_free_bytes: int
    gpu_name: str | None = None
    gpu_bytes: int | None = None
    gpus: int | None = None
    gpu_free_bytes: int | None = None
    gpu_capability: int | None = None
    memory_limited: bool = False
    memory_available_bytes: int | None = None
    swap_bytes: int | None = None
    shared_memory_bytes: int | None = None
