"""Text that a training script printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LogText:
    """Lines of a log or of a pasted traceback, without their line ends."""

    lines: tuple[str, ...]
    path: Path | None = None
