"""The versions of the libraries that will train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Versions:
    """Version texts by the name of the package ("transformers", "trl" ...), where known.

    `pinned` names those that come from a requirements file, because nothing is installed.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()
