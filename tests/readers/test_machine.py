"""The machine is read without torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunewell.readers.host_memory import HostMemory
from tunewell.readers.machine import assemble, read_machine
from tunewell.readers.nvidia import NvidiaGpu

GIB = 2**30


def test_reads_this_machine(tmp_path: Path) -> None:
    """Something is there, and a folder that does not exist yet counts on its parent's disk."""
    machine = read_machine(tmp_path / "not" / "there" / "yet")
    assert machine.cores >= 1
    assert machine.memory_bytes > 2**27
    assert machine.disk_free_bytes > 0
    assert (machine.gpu_name is None) == (machine.gpu_bytes is None)
    assert machine.memory_available_bytes is None or (
        0 < machine.memory_available_bytes <= machine.memory_bytes
    )


def test_smallest_gpu_counts() -> None:
    """Its name and memory; the least free and the lowest capability of any."""
    gpus = (
        NvidiaGpu("0", "GPU-a", "NVIDIA H100 80GB HBM3", 80 * GIB, 5 * GIB, 90),
        NvidiaGpu("1", "GPU-b", "Tesla T4", 15 * GIB, 14 * GIB, 75),
    )
    memory = HostMemory(total=8 * GIB, limited=True, available=6 * GIB, swap=0, shared=2**26)
    machine = assemble(cores=4, disk=GIB, memory=memory, gpus=gpus)
    assert (machine.gpu_name, machine.gpu_bytes, machine.gpus) == ("Tesla T4", 15 * GIB, 2)
    assert (machine.gpu_free_bytes, machine.gpu_capability) == (5 * GIB, 75)
    assert (machine.memory_bytes, machine.memory_limited) == (8 * GIB, True)
    assert machine.memory_available_bytes == 6 * GIB
    assert (machine.swap_bytes, machine.shared_memory_bytes) == (0, 2**26)


def test_without_gpu() -> None:
    """None of them are known, and there are 0."""
    machine = assemble(cores=1, disk=1, memory=HostMemory(total=GIB))
    assert machine.gpus == 0
    assert (machine.gpu_name, machine.gpu_bytes) == (None, None)
    assert (machine.gpu_free_bytes, machine.gpu_capability) == (None, None)


def test_an_old_driver_says_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without capability and free memory the rest is still there."""
    monkeypatch.setattr(
        "tunewell.readers.machine.read_gpus",
        lambda: (NvidiaGpu("0", "GPU-a", "Tesla K80", 11 * GIB),),
    )
    machine = read_machine()
    assert (machine.gpu_name, machine.gpus) == ("Tesla K80", 1)
    assert (machine.gpu_free_bytes, machine.gpu_capability) == (None, None)
