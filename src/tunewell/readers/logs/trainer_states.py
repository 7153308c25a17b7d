"""All trainer_state.json of an output folder: which belong to one run, and what each knows.

Every checkpoint holds the whole history up to its step, so that the last one of a run is enough,
but for three cases: another run was started into the folder and checkpoints of the earlier one are
left; a run was taken up from a checkpoint and a later one of its first part is left; a history was
cut, as by a script that starts `TrainerState` anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.columns import whole
from tunewell.readers.logs.trainer_state import STATE, checkpoints, load_state

MOST_BYTES = 256 * 2**20
"""Of a folder whose files are larger together only the newest are looked into."""

Row = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Saved:
    """A trainer_state.json: when it was written, its step, and its rows in a form to compare."""

    file: Path
    when: float
    step: int
    rows: tuple[Row, ...]
    max_steps: int | None

    @property
    def first(self) -> int:
        """The step of its first row."""
        return self.rows[0][0] if self.rows else self.step


@dataclass(slots=True)
class Family:
    """The states of one run: `head` tells most of it, `others` what it may lack."""

    head: Saved
    others: list[Saved] = field(default_factory=list)

    @property
    def when(self) -> float:
        """When it was last written."""
        return max(self.head.when, *(saved.when for saved in self.others), 0.0)

    @property
    def files(self) -> set[Path]:
        """All of its files."""
        return {self.head.file, *(saved.file for saved in self.others)}


def families(folder: Path) -> list[Family]:
    """The runs that left a trainer_state.json in an output folder, the newest first."""
    found: list[Family] = []
    for saved in sorted(_states(folder), key=_newest, reverse=True):
        home = next((family for family in found if _same_run(family, saved)), None)
        if home is None:
            found.append(Family(saved))
            continue
        home.others.append(saved)
        if _is_prefix(home.head, saved):
            # Written earlier by the clock, as after a copy of the folder, but it knows more.
            home.head, home.others[-1] = saved, home.head
    return sorted(found, key=lambda family: family.when, reverse=True)


def _newest(saved: Saved) -> tuple[float, int, int]:
    own = saved.file.parent.name.startswith("checkpoint-")
    return saved.when, saved.step, 0 if own else 1


def _states(folder: Path) -> list[Saved]:
    files = [folder / STATE, *(entry / STATE for _, entry in checkpoints(folder))]
    there = sorted(
        (file for file in files if file.is_file()),
        key=lambda file: file.stat().st_mtime,
        reverse=True,
    )
    found: list[Saved] = []
    room = MOST_BYTES
    for file in there:
        stat = file.stat()
        room -= stat.st_size
        if found and room < 0:
            break
        saved = _read(file, stat.st_mtime, stat.st_size)
        if saved is not None:
            found.append(saved)
    return found


def is_unreadable(file: Path) -> bool:
    """Whether a trainer_state.json is damaged or none."""
    stat = file.stat()
    return _read(file, stat.st_mtime, stat.st_size) is None


@lru_cache(maxsize=64)
def _read(file: Path, when: float, _size: int) -> Saved | None:
    """A state, None where it is damaged: of a process killed while it wrote, one may be."""
    try:
        state = load_state(file)
    except InputError:
        return None
    rows = [row for entry in state["log_history"] if (row := _row(entry)) is not None]
    return Saved(
        file=file,
        when=when,
        step=whole(state.get("global_step")) or 0,
        rows=tuple(rows),
        max_steps=whole(state.get("max_steps")),
    )


def _row(entry: Any) -> Row | None:  # noqa: ANN401  what JSON holds
    step = whole(entry.get("step")) if isinstance(entry, dict) else None
    if step is None:
        return None
    # As text, so that NaN equals NaN. Seconds differ between processes and are no history.
    told = ((str(k), repr(v)) for k, v in sorted(entry.items()) if not str(k).endswith("_runtime"))
    return step, tuple(told)


def _same_run(family: Family, saved: Saved) -> bool:
    head = family.head
    if not saved.rows or not head.rows:
        return saved.max_steps == head.max_steps and saved.step <= head.step
    if saved.rows[0] == head.rows[0]:
        return True
    # A history that was cut starts after everything that the older one knows.
    late, early = (head, saved) if head.first > saved.first else (saved, head)
    spacing = early.rows[1][0] - early.rows[0][0] if len(early.rows) > 1 else early.first
    return (
        late.max_steps == early.max_steps
        and late.first > 1.5 * max(spacing, early.first)
        and early.rows[-1][0] < late.first
    )


def _is_prefix(one: Saved, other: Saved) -> bool:
    """Whether all that `one` knows stands at the beginning of `other`, which knows more."""
    return len(one.rows) < len(other.rows) and other.rows[: len(one.rows)] == one.rows


def adds(family: Family, known: Sequence[Saved] = ()) -> list[Saved]:
    """Those of the others that hold something the head lacks, the one that knows most first."""
    heads = [family.head, *known]
    told: list[Saved] = []
    for saved in sorted(
        family.others, key=lambda saved: (len(saved.rows), saved.when), reverse=True
    ):
        if not any(_contains(head, saved) for head in (*heads, *told)):
            told.append(saved)
    return told


def _contains(head: Saved, saved: Saved) -> bool:
    return head.rows[: len(saved.rows)] == saved.rows
