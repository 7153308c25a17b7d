"""What nvidia-smi says of the GPUs of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEBIBYTE = 1024**2
SECONDS = 5.0
"""A driver that does not answer must not keep a check waiting."""

FIELDS = ("index", "uuid", "name", "memory.total", "memory.free")
CAPABILITY = "compute_cap"
"""Drivers before 510 do not know this field and refuse the whole question."""


@dataclass(frozen=True, slots=True)
class NvidiaGpu:
    """One GPU. Memory in bytes, `capability` is the compute capability times ten."""

    index: str
    uuid: str
    name: str
    total: int
    free: int | None = None
    capability: int | None = None


def read_gpus() -> tuple[NvidiaGpu, ...]:
    """The GPUs that a process started now sees; empty without nvidia-smi."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    answer = _ask(command, (*FIELDS, CAPABILITY))
    if answer is None:
        answer = _ask(command, FIELDS)
    return visible(parse(answer or ""), os.environ)


def parse(text: str) -> tuple[NvidiaGpu, ...]:
    """GPUs in the output of `nvidia-smi --query-gpu=index,uuid,name,memory.total,memory.free`.

    `compute_cap` may follow. A line without a number for the memory is left out: GPUs that share
    the machine's memory print "[N/A]" there.
    """
    found = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) < len(FIELDS) or not fields[3].isdigit():
            continue
        index, uuid, name, total, free, *rest = fields
        found.append(
            NvidiaGpu(
                index=index,
                uuid=uuid,
                name=name,
                total=int(total) * MEBIBYTE,
                free=int(free) * MEBIBYTE if free.isdigit() else None,
                capability=_capability(rest[0]) if rest else None,
            )
        )
    return tuple(found)


def visible(gpus: Sequence[NvidiaGpu], environment: Mapping[str, str]) -> tuple[NvidiaGpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES leaves, which nvidia-smi itself does not heed.

    All are kept where it names what is not in the list, as parts of a GPU ("MIG-..."). Its numbers
    are taken for those of nvidia-smi; CUDA numbers faster GPUs first where they differ.
    """
    value = environment.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return tuple(gpus)
    kept = []
    for word in (part.strip() for part in value.split(",")):
        if word in {"", "-1", "NoDevFiles"}:  # CUDA stops at the first that it does not accept
            break
        named = [gpu for gpu in gpus if gpu.index == word or gpu.uuid.startswith(word)]
        if len(named) != 1:
            return tuple(gpus)
        kept.append(named[0])
    return tuple(kept)


def _capability(text: str) -> int | None:
    major, point, minor = text.partition(".")
    if not (point and major.isdigit() and minor.isdigit()):
        return None
    return int(major) * 10 + int(minor)


def _ask(command: str, fields: Sequence[str]) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603  a fixed command found on the path, no input in it
            [command, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None
