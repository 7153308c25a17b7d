"""The machine is read without torch."""

from __future__ import annotations

from pathlib import Path

from tunewell.readers.machine import parse_nvidia_smi, read_machine


def test_reads_this_machine(tmp_path: Path) -> None:
    """Something is there, and a folder that does not exist yet counts on its parent's disk."""
    machine = read_machine(tmp_path / "not" / "there" / "yet")
    assert machine.cores >= 1
    assert machine.memory_bytes > 2**27
    assert machine.disk_free_bytes > 0
    assert (machine.gpu_name is None) == (machine.gpu_bytes is None)


def test_smallest_gpu_counts() -> None:
    """Names may hold commas' neighbours; what is no number is left out."""
    text = "NVIDIA H100 80GB HBM3, 81559\nTesla T4, 15360\nbroken, [N/A]\n"
    assert parse_nvidia_smi(text) == ("Tesla T4", 15360 * 2**20, 2)
    assert parse_nvidia_smi("") is None
    assert parse_nvidia_smi("No devices were found") is None
