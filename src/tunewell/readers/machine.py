"""What the machine has: cores, memory, free disk and, where there is one, its GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tunewell.subjects.machine import Machine

MEMINFO = Path("/proc/meminfo")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEBIBYTE = 1024**2
NVIDIA_SMI_SECONDS = 5.0
"""A driver that does not answer must not keep a check waiting."""


def read_machine(folder: Path | None = None) -> Machine:
    """This machine, without importing torch.

    `folder` says on which disk the free space is counted; the working folder where None. Inside a
    container the container's limit counts where it is below the machine's memory.
    """
    gpu = _gpu()
    return Machine(
        cores=_cores(),
        memory_bytes=_memory(),
        disk_free_bytes=shutil.disk_usage(_existing(folder or Path())).free,
        gpu_name=gpu[0] if gpu else None,
        gpu_bytes=gpu[1] if gpu else None,
        gpus=gpu[2] if gpu else 0,
    )


def parse_nvidia_smi(text: str) -> tuple[str, int, int] | None:
    """The GPU with the least memory in `--query-gpu=name,memory.total` output.

    Returns:
        Its name, its memory in bytes, and how many GPUs there are.
    """
    found: list[tuple[int, str]] = []
    for line in text.splitlines():
        name, comma, mebibytes = line.rpartition(",")
        if comma and mebibytes.strip().isdigit():
            found.append((int(mebibytes) * MEBIBYTE, name.strip()))
    if not found:
        return None
    size, name = min(found)
    return name, size, len(found)


def _existing(folder: Path) -> Path:
    path = folder.absolute()
    while not path.exists():
        path = path.parent
    return path


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int:
    total = 0
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemTotal:"):
                total = int(line.split()[1]) * 1024
    except OSError:
        try:
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError):
            return 0
    try:
        limit = CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def _gpu() -> tuple[str, int, int] | None:
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603  a fixed command found on the path, no input in it
            [command, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=NVIDIA_SMI_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_nvidia_smi(answer.stdout) if answer.returncode == 0 else None
