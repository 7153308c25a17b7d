"""A look at files and folders that may not be ours: what cannot be opened is passed over."""

from __future__ import annotations

from pathlib import Path


def head(path: Path, size: int) -> bytes:
    """The first bytes of a file, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where it is none or cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
