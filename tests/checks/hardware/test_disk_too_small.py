"""HW004 disk-too-small."""

from pathlib import Path

from tunewell.checks.hardware.disk_too_small import disk_too_small
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases

MODEL = Checkpoint(Path("model"), {"model_type": "bert"}, {"w": (100_000_000,)})


def machine(free: int) -> Machine:
    """A machine whose disk has so many bytes free."""
    return Machine(cores=4, memory_bytes=2**34, disk_free_bytes=free)


class TestDiskTooSmall(CheckCases):
    """Planted, nearly faulty and clean disks."""

    check = disk_too_small
    faulty = {
        "not even the model": (Recipe(), MODEL, machine(300_000_000)),
        "one checkpoint only": (Recipe(), MODEL, machine(2_000_000_000)),
    }
    nearly = {"just enough": (Recipe(), MODEL, machine(2_800_000_000))}
    clean = {
        "room": (Recipe(), MODEL, machine(10**12)),
        "adapters": (Recipe(method="lora"), MODEL, machine(300_000_000)),
    }
