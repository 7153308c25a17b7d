"""What every log format gives: the runs that lie at a path, read only when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Trace

RunParts = tuple[Trace, ModelState | None]


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run in a log.

    Args:
        name: what the log calls it; unique among the runs of one path where the log makes it so.
        path: the file or folder that holds it.
        format: the format's name, for people.
        when: seconds since 1970 at which it was last written, for telling the newest.
        read: reads it; raises InputError where it cannot be read.
    """

    name: str
    path: Path
    format: str
    when: float
    read: Callable[[], RunParts]


@dataclass(frozen=True, slots=True)
class LogFormat:
    """One format. `find` looks at a file or at a folder's own entries and a fixed few below it.

    It returns the runs that lie there, the newest first, and nothing where the path is not of
    this format. It is cheap: it opens no more than it needs to tell.
    """

    name: str
    find: Callable[[Path], Sequence[LoggedRun]]


def told_apart(shown: Mapping[str, str]) -> dict[str, str]:
    """Names for runs by their ids: the one shown, with the id after it where others share it."""
    counts = Counter(shown.values())
    return {
        id_: name if counts[name] == 1 or name == id_ else f"{name}-{id_}"
        for id_, name in shown.items()
    }
