"""Files as they lie on disk, before anyone has parsed them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FileProbe:
    """What the first bytes of a file say about it.

    `head` holds at most the first 64 KiB. `disguise` names what the file really is when that is
    not what its name says ("git LFS pointer", "HTML page" ...), None where the two agree.
    `encoding` is what the text was decoded with; `bad_bytes` counts bytes that were not valid in
    UTF-8, and `bad_line` is the first line, from 1, that holds one.
    """

    path: Path
    size_bytes: int
    head: bytes
    disguise: str | None = None
    encoding: str = "utf-8"
    bad_bytes: int = 0
    bad_line: int | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Files:
    """Every file that was given or found, in the order it was met."""

    probes: tuple[FileProbe, ...]
