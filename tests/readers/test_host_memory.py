"""Main memory of a machine and of containers, from trees like those of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunewell.readers.host_memory import HostMemory, Places, read_host_memory

KIB, MIB, GIB = 2**10, 2**20, 2**30
UNLIMITED = 9223372036854771712
"""What version 1 prints where there is no limit."""


def write(root: Path, files: dict[str, str | int]) -> None:
    """A tree of files."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")


def read(root: Path, files: dict[str, str | int]) -> HostMemory:
    """What is read of a machine with 16 GiB, 12 available, 2 of swap, and these files."""
    meminfo = f"MemTotal: {16 * MIB} kB\nMemFree: 9 kB\nMemAvailable: {12 * MIB} kB\n"
    write(root, {"proc/meminfo": f"{meminfo}SwapTotal: {2 * MIB} kB\nHugePages_Total: 0", **files})
    return read_host_memory(
        Places(proc=root / "proc", cgroup=root / "cgroup", shared=root / "no such folder")
    )


def test_a_machine_without_limit(tmp_path: Path) -> None:
    """Its own memory."""
    found = read(tmp_path, {"proc/self/cgroup": "0::/user.slice", "cgroup/cgroup.procs": ""})
    assert found == HostMemory(16 * GIB, limited=False, available=12 * GIB, swap=2 * GIB)


def test_a_container_of_version_2(tmp_path: Path) -> None:
    """Its files stand at the root; cached pages of files can be had back."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "cgroup/memory.max": 4 * GIB,
            "cgroup/memory.current": 3 * GIB,
            "cgroup/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB}\nactive_file 0",
        },
    )
    assert (found.total, found.limited, found.available) == (4 * GIB, True, 2 * GIB)


def test_the_lowest_limit_above_counts(tmp_path: Path) -> None:
    """A job may be limited by the group that its own stands in, as under Slurm and Kubernetes."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pods/pod1/box",
            "cgroup/pods/pod1/box/memory.max": "max",
            "cgroup/pods/pod1/memory.max": 2 * GIB,
            "cgroup/pods/pod1/memory.current": GIB // 2,
            "cgroup/pods/memory.max": 8 * GIB,
            "cgroup/pods/memory.current": 7 * GIB,
        },
    )
    assert (found.total, found.limited, found.available) == (2 * GIB, True, GIB)


def test_a_full_group_above_leaves_nothing(tmp_path: Path) -> None:
    """The others in the group have taken it."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "0::/a/b",
            "cgroup/a/b/memory.max": 2 * GIB,
            "cgroup/a/memory.max": 4 * GIB,
            "cgroup/a/memory.current": 5 * GIB,
        },
    )
    assert (found.total, found.available) == (2 * GIB, 0)


def test_a_container_of_version_1(tmp_path: Path) -> None:
    """The path is the host's and cannot be seen; the files stand at the root of the controller."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "9:name=systemd:/docker/abc\n4:cpu,memory:/docker/abc\n0::/",
            "cgroup/memory/memory.limit_in_bytes": 3 * GIB,
            "cgroup/memory/memory.usage_in_bytes": 2 * GIB,
            "cgroup/memory/memory.stat": f"cache 1\ntotal_inactive_file {GIB}",
        },
    )
    assert (found.total, found.limited, found.available) == (3 * GIB, True, 2 * GIB)


def test_no_limit_in_version_1(tmp_path: Path) -> None:
    """It prints the largest number of pages."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/box",
            "cgroup/memory/box/memory.limit_in_bytes": UNLIMITED,
            "cgroup/memory/box/memory.usage_in_bytes": GIB,
            "cgroup/memory/memory.limit_in_bytes": UNLIMITED,
        },
    )
    assert (found.total, found.limited, found.available) == (16 * GIB, False, 12 * GIB)


def test_the_limit_of_a_container_without_proc_self(tmp_path: Path) -> None:
    """The root of version 2 is looked at."""
    found = read(tmp_path, {"cgroup/memory.max": GIB})
    assert (found.total, found.limited, found.available) == (GIB, True, GIB)


@pytest.mark.parametrize("text", ["", "nonsense", "0::", "x:y", "0::no/slash"])
def test_odd_lines_limit_nothing(tmp_path: Path, text: str) -> None:
    """And do not raise."""
    assert read(tmp_path, {"proc/self/cgroup": text}).total == 16 * GIB


def test_odd_numbers_limit_nothing(tmp_path: Path) -> None:
    """Files that hold something else are passed over."""
    found = read(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "cgroup/memory.max": 4 * GIB,
            "cgroup/memory.current": "?",
            "cgroup/memory.stat": "inactive_file\ninactive_file x",
        },
    )
    assert (found.total, found.available) == (4 * GIB, 4 * GIB)


def test_shared_memory_is_what_is_free(tmp_path: Path) -> None:
    """Of the place that is given."""
    found = read_host_memory(Places(tmp_path, tmp_path, tmp_path))
    assert found.shared is not None
    assert found.shared > 0


def test_a_system_without_proc_is_asked(tmp_path: Path) -> None:
    """As macOS: the total alone."""
    found = read_host_memory(Places(tmp_path, tmp_path, tmp_path / "none"))
    assert found.total > 2**27
    assert (found.limited, found.available, found.swap, found.shared) == (False, None, None, None)


def test_this_machine_as_it_is() -> None:
    """The real places."""
    found = read_host_memory()
    assert found.total > 2**27
    assert found.available is None or 0 < found.available <= found.total
