"""What the machine has: cores, memory, free disk and, where there are any, its GPUs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tunewell.readers.host_memory import HostMemory, read_host_memory
from tunewell.readers.nvidia import NvidiaGpu, read_gpus
from tunewell.subjects.machine import Machine


def read_machine(folder: Path | None = None) -> Machine:
    """This machine, without importing torch.

    `folder` says on which disk the free space is counted; the working folder where None. Inside a
    container the container's limit counts where it is below the machine's memory.
    """
    disk = shutil.disk_usage(_existing(folder or Path())).free
    return assemble(cores=_cores(), disk=disk, memory=read_host_memory(), gpus=read_gpus())


def assemble(
    *, cores: int, disk: int, memory: HostMemory, gpus: Sequence[NvidiaGpu] = ()
) -> Machine:
    """The machine of these parts. Of several GPUs the one with the least memory is named."""
    smallest = min(gpus, key=lambda gpu: gpu.total, default=None)
    free = [gpu.free for gpu in gpus if gpu.free is not None]
    capabilities = [gpu.capability for gpu in gpus if gpu.capability is not None]
    return Machine(
        cores=cores,
        memory_bytes=memory.total,
        disk_free_bytes=disk,
        gpu_name=smallest.name if smallest else None,
        gpu_bytes=smallest.total if smallest else None,
        gpus=len(gpus),
        gpu_free_bytes=min(free, default=None),
        gpu_capability=min(capabilities, default=None),
        memory_limited=memory.limited,
        memory_available_bytes=memory.available,
        swap_bytes=memory.swap,
        shared_memory_bytes=memory.shared,
    )


def _existing(folder: Path) -> Path:
    path = folder.absolute()
    while not path.exists():
        path = path.parent
    return path


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
