"""GPUs with their memory and speed, read from the table beside this file."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_suffix(".toml")
MAKER = re.compile(r"^(nvidia|tesla)\s+", re.IGNORECASE)


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of GPU. Speeds are dense peaks in 10^12 operations a second."""

    name: str
    memory_gib: float
    tflops_16: float
    tflops_32: float
    bf16: bool
    source: str


@functools.cache
def table() -> tuple[Gpu, ...]:
    """Every GPU known."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(msgspec.convert(read["gpus"], list[Gpu]))


def find(name: str) -> Gpu | None:
    """The GPU that a driver calls by this name, None where it is not in the table."""
    wanted = name
    while (shorter := MAKER.sub("", wanted)) != wanted:
        wanted = shorter
    return next((gpu for gpu in table() if gpu.name.casefold() == wanted.casefold()), None)
