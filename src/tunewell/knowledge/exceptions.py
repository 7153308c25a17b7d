"""Exception texts of training libraries, each with its cause, its repair and where it was told.

The entries are in `exceptions.toml`, in the order in which their patterns are tried.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KnownException:
    """One text. `fatal` says whether the run ends with it or goes on without effect.

    `faults` are ids of the fault catalogue, `source` is a thread or a page that tells of it.
    """

    name: str
    pattern: re.Pattern[str]
    cause: str
    fix: str
    source: str
    faults: tuple[str, ...]
    fatal: bool


def _load() -> tuple[KnownException, ...]:
    path = Path(__file__).with_suffix(".toml")
    with path.open("rb") as file:
        entries = tomllib.load(file)["exception"]
    return tuple(
        KnownException(
            name=entry["name"],
            pattern=re.compile(entry["pattern"]),
            cause=entry["cause"],
            fix=entry["fix"],
            source=entry["source"],
            faults=tuple(entry["faults"]),
            fatal=entry.get("fatal", True),
        )
        for entry in entries
    )


KNOWN = _load()
"""Every known text; the first whose pattern is found in a line explains it."""
