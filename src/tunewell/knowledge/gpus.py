"""GPUs with their memory and speed, read from the table beside this file.

The table says for every value where it is from; what was written without a text at hand says "from
memory". `resolve` finds a GPU by what clouds, SkyPilot, drivers and people call it, and says what
it assumed where a name means several: "A100" is the one with 40 GB.
"""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_suffix(".toml")
MEBIBYTE = 1024**2
FROM_MEMORY = "from memory"
FIRST_WITH_TF32 = 80
"""Compute capability of the A100, the first to multiply fp32 matrices in TF32."""
CLOSE_NAMES = 3

_OTHER = re.compile(r"[^a-z0-9]+")
_MAKER = re.compile(r"\b(nvidia|tesla|geforce|amd|instinct)\b")
_SIZE = re.compile(r"\b(\d+) ?g(?:i?b)?\b")


class UnknownGpuError(LookupError):
    """No GPU has this name. The message is one sentence with the names that are close."""


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the values of one GPU are from."""

    speed: str
    bandwidth: str
    memory: str
    context: str
    link: str

    @property
    def from_memory(self) -> tuple[str, ...]:
        """Names of the values for which, or for a part of which, no text was at hand."""
        return tuple(kind for kind in self.__struct_fields__ if FROM_MEMORY in getattr(self, kind))


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of GPU. Speeds are dense peaks in 10^12 operations a second.

    `name` is what the driver prints, without the maker. `memory_gib` is what the data sheet calls
    GB, `memory_mib` what PyTorch counts. `context_mib` is the lowest and highest that a process
    was seen to hold outside PyTorch's allocator. `capability` is CUDA's compute capability times
    ten, None on AMD. `bandwidth_gb_s` is that of the memory, `link_gb_s` that to another GPU of
    the machine in one direction, both in 10^9 bytes a second. `skypilot` is its name in SkyPilot's
    list, None where that has none.
    """

    name: str
    memory_gib: float
    memory_mib: int
    context_mib: tuple[int, int]
    tflops_16: float
    tflops_32: float
    bf16: bool
    bandwidth_gb_s: float
    link: str
    link_gb_s: float
    sources: Sources
    aliases: tuple[str, ...] = ()
    maker: str = "NVIDIA"
    capability: int | None = None
    skypilot: str | None = None
    note: str | None = None

    @property
    def memory_bytes(self) -> int:
        """Memory that PyTorch counts, of which the context takes its part."""
        return self.memory_mib * MEBIBYTE

    @property
    def context_bytes(self) -> int:
        """The middle of what a process was seen to hold outside PyTorch's allocator."""
        low, high = self.context_mib
        return (low + high) * MEBIBYTE // 2

    @property
    def tflops_tf32(self) -> float | None:
        """Peak in TF32: half of that in 16 bits, from the A100 on; None where there is none."""
        if self.capability is None or self.capability < FIRST_WITH_TF32:
            return None
        return self.tflops_16 / 2

    @property
    def source(self) -> str:
        """Where the speeds are from."""
        return self.sources.speed


class Assumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names that mean several GPUs, the one that is taken, and why."""

    names: tuple[str, ...]
    gpu: str
    because: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A GPU, and what was assumed to find it: a sentence, None where the name means one only."""

    gpu: Gpu
    assumed: str | None = None


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    read: dt.date
    assumed: tuple[Assumed, ...]
    gpus: tuple[Gpu, ...]


@functools.cache
def table() -> tuple[Gpu, ...]:
    """Every GPU known."""
    return _read().gpus


def read_on() -> dt.date:
    """The day on which the texts that the table names were read."""
    return _read().read


def ambiguous() -> tuple[Assumed, ...]:
    """Every name that means several GPUs."""
    return _read().assumed


def find(name: str) -> Gpu | None:
    """The GPU of this name, None where it is not in the table. See `resolve`."""
    found = _by_key().get(spelled(name))
    return found.gpu if found else None


def resolve(name: str) -> Resolved:
    """The GPU of this name as a person, a cloud, SkyPilot or a driver writes it.

    Case, spaces, dashes, the maker and the series ("NVIDIA", "Tesla", "GeForce") do not matter:
    "a100 80gb", "A100-80GB" and "NVIDIA A100-SXM4-80GB" are one GPU. Where a name means several,
    `assumed` says which one was taken and why.

    Raises:
        UnknownGpuError: if there is none, with the names that are close.
    """
    found = _by_key().get(spelled(name))
    if found is None:
        raise UnknownGpuError(_unknown(name))
    return found


def spelled(name: str) -> str:
    """The name in the one spelling that names are compared in."""
    words = _OTHER.sub(" ", name.casefold())
    return _SIZE.sub(r"\1gb", _MAKER.sub("", words)).replace(" ", "")


@functools.cache
def _read() -> _Table:
    return msgspec.convert(tomllib.loads(TABLE.read_text(encoding="utf-8")), _Table)


@functools.cache
def _by_key() -> dict[str, Resolved]:
    found = {spelled(name): Resolved(gpu) for gpu in table() for name in (gpu.name, *gpu.aliases)}
    by_name = {gpu.name: gpu for gpu in table()}
    for assumed in ambiguous():
        gpu = by_name[assumed.gpu]
        text = f"{gpu.name} with {gpu.memory_gib:g} GB is taken: {assumed.because}"
        found |= {spelled(name): Resolved(gpu, text) for name in assumed.names}
    return found


def _unknown(name: str) -> str:
    keys = difflib.get_close_matches(spelled(name), list(_by_key()), n=3 * CLOSE_NAMES)
    close = list(dict.fromkeys(_by_key()[key].gpu.name for key in keys))[:CLOSE_NAMES]
    if close:
        return f"no GPU is known as {name!r}; close names are {', '.join(close)}"
    some = ", ".join(gpu.name for gpu in table() if gpu.name in {"T4", "L4", "A10G", "H200"})
    return f"no GPU is known as {name!r}; {some} and {len(table()) - 4} others are"
