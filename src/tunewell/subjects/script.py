"""A Python script that prepares data or trains, as it is written; it is never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module that lies beside a script; `changed_at` is in seconds since 1970."""

    path: Path
    changed_at: float


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Script:
    """The parsed script. `local` has the modules that lie beside it, by the name of their import.

    `cached_at` is the time (seconds since 1970) of the oldest cache file that Hugging Face datasets
    wrote beside the script's data, None where none was found.
    """

    path: Path
    tree: ast.Module
    local: Mapping[str, LocalModule] = field(default_factory=dict)
    cached_at: float | None = None
