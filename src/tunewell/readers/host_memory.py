"""Main memory: how much there is, how much is left, and beyond what a process is killed.

Inside a container the kernel kills at the container's limit, which the control group's files hold,
and not at the memory of the machine, which is what most programs show.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Places:
    """Where the kernel shows what it knows; tests show their own."""

    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")
    shared: Path = Path("/dev/shm")  # noqa: S108  its free space is read, nothing is written


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Bytes. `total` is the limit of the container where that is below the machine's memory."""

    total: int
    limited: bool = False
    available: int | None = None
    swap: int | None = None
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """What a control group allows, and what it holds that cannot be taken back."""

    limit: int
    held: int


def read_host_memory(places: Places | None = None) -> HostMemory:
    """Main memory of this machine or container; 0 in total where nothing says it."""
    places = places or Places()
    shown = _meminfo(places.proc / "meminfo")
    total = shown.get("MemTotal") or _asked_of_the_system()
    available = shown.get("MemAvailable")
    limited = False
    for group in _groups(places):
        if 0 < group.limit < total:
            total, limited = group.limit, True
        left = max(0, group.limit - group.held)
        available = left if available is None else min(available, left)
    return HostMemory(
        total=total,
        limited=limited,
        available=available,
        swap=shown.get("SwapTotal"),
        shared=_free(places.shared),
    )


def _meminfo(file: Path) -> dict[str, int]:
    """Bytes by the names in /proc/meminfo, which counts in kB of 1,024 bytes."""
    found = {}
    for line in _text(file).splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * KIBIBYTE
    return found


def _asked_of_the_system() -> int:
    """Total memory where there is no /proc, as on macOS."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _groups(places: Places) -> Iterator[_Group]:
    """Every control group above this process that has a limit, in version 1 and 2."""
    for line in _text(places.proc / "self" / "cgroup").splitlines() or ["0::/"]:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            names = ("memory.max", "memory.current", "inactive_file")
            yield from _above(places.cgroup, path, names)
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _above(places.cgroup / "memory", path, names)


def _above(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[_Group]:
    """The groups from that of the process up to the root.

    Inside a container the path may be that of the host, where only the root can be seen.
    """
    limit_name, usage_name, reclaimable_name = names
    inside = PurePosixPath(path.strip()).relative_to("/") if path.startswith("/") else None
    for folder in (inside, *inside.parents) if inside is not None else (PurePosixPath(),):
        limit = _text(root / folder / limit_name).strip()
        if not limit.isdigit():  # "max", or no file
            continue
        usage = _text(root / folder / usage_name).strip()
        # Pages of files count as used and are dropped when memory runs short.
        files = _stat(_text(root / folder / "memory.stat"), reclaimable_name)
        held = max(0, int(usage) - files) if usage.isdigit() else 0
        yield _Group(limit=int(limit), held=held)


def _stat(text: str, name: str) -> int:
    for line in text.splitlines():
        words = line.split()
        if words[:1] == [name] and len(words) == 2 and words[1].isdigit():  # noqa: PLR2004
            return int(words[1])
    return 0


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
