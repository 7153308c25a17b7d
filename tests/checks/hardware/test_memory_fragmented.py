"""HW043 memory-fragmented."""

from tests.checks.runs import run

from tunewell.checks.hardware.memory_fragmented import memory_fragmented
from tunewell.subjects.machine import Machine
from tunewell.testing import CheckCases

MACHINE = Machine(cores=8, memory_bytes=64 * 10**9, disk_free_bytes=10**12, gpu_bytes=24 * 10**9)


def held(reserved: float, peak: float | list[float]) -> tuple[object, ...]:
    """Twelve logs on a GPU of 24 GB."""
    peaks = peak if isinstance(peak, list) else [peak] * 12
    return (*run({"cuda_reserved_bytes": [reserved] * 12, "cuda_peak_bytes": peaks}), MACHINE)


class TestMemoryFragmented(CheckCases):
    """Reserved beside the most that was in use."""

    check = memory_fragmented
    faulty = {"a third is in pieces": held(22e9, 15e9)}
    nearly = {
        "room is left": held(12e9, 6e9),
        "a tenth": held(22e9, 19.8e9),
        "one long batch": held(22e9, [15e9] * 9 + [21e9] + [15e9] * 2),
        "no GPU known": run({"cuda_reserved_bytes": [22e9] * 12, "cuda_peak_bytes": [15e9] * 12}),
    }
    clean = {"in use": held(22e9, 21e9)}
