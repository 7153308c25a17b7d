"""Logs as a script printed them: standard output, standard error, both in one file, or pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

from tunewell.core.errors import InputError
from tunewell.readers.logs.built import trace_of
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.peek import entries
from tunewell.readers.logs.text_lines import as_utf8, chunks_of
from tunewell.readers.logs.text_runs import TextLog, TextRun
from tunewell.subjects.trace import Trace

NAME = "printed log"
SUFFIXES = (".log", ".txt", ".out", ".err", ".stdout", ".stderr", "")
MOST_FILES = 50
HEAD = 1 << 20
"""Bytes at the beginning, and at the end, in which a log must show itself."""

PASTED = Path("standard input")
FIRST_TIMES = 2


@dataclass(frozen=True, slots=True)
class _State:
    """A file at one moment, so that it is read once for each."""

    path: Path
    size: int
    changed: int


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs in a text file, or in each text file of a folder. Those files are read whole."""
    files = [path] if path.is_file() else entries(path)
    likely = [file for file in files if file.suffix in SUFFIXES and file.is_file()][:MOST_FILES]
    found = [run for file in likely if _shows(file) for run in _runs_in(file)]
    return sorted(found, key=lambda run: run.when, reverse=True)


def is_printed_log(path: Path) -> bool:
    """Whether a text file holds logged values, as far as its two ends show."""
    return path.is_file() and path.suffix in SUFFIXES and _shows(path)


def pasted_trace(content: bytes, name: str | None = None) -> Trace | None:
    """The last run in a text that was pasted, or the one of that number; None if there is none.

    Raises:
        InputError: if there is no run of that name.
    """
    runs = TextLog().read(as_utf8(content)).runs()
    if not runs:
        return None
    at = len(runs) if name is None else _number(name)
    if not 1 <= at <= len(runs):
        message = f"{PASTED}: no run called {name!r}; the runs are 1 to {len(runs)}"
        raise InputError(message)
    return _built(runs[at - 1], PASTED, PASTED.name, at, len(runs))


def _number(name: str) -> int:
    last = name.rpartition(":")[2]
    return int(last) if last.isdigit() else 0


def _shows(file: Path) -> bool:
    """Whether the two ends of a file hold logged values that a run can be made of."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(HEAD)
            tail = b""
            if size > HEAD:
                opened.seek(max(HEAD, size - HEAD))
                tail = opened.read(HEAD)
    except OSError:
        return False
    if b"\0" in head[:4096] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return any(_holds_run(as_utf8(part)) for part in (head, tail) if part)


def _holds_run(chunks: Iterable[bytes]) -> bool:
    runs = TextLog().read(chunks).runs()
    return any(
        run.framework is not None
        or any(len(column) >= FIRST_TIMES for column in run.run.columns.values())
        for run in runs
    )


@lru_cache(maxsize=4)
def _read(state: _State) -> tuple[TextRun, ...]:
    return tuple(TextLog().read(chunks_of(state.path)).runs())


def _state(file: Path) -> _State:
    stat = file.stat()
    return _State(file, stat.st_size, stat.st_mtime_ns)


def _runs_in(file: Path) -> list[LoggedRun]:
    """The runs of a file, the last first."""
    state = _state(file)
    runs = _read(state)
    return [
        LoggedRun(
            name=_name(file.name, at, len(runs)),
            path=file,
            format=NAME,
            when=state.changed / 1e9 - (len(runs) - at) * 1e-3,
            read=partial(_trace, file, at),
        )
        for at in range(len(runs), 0, -1)
    ]


def _name(file: str, at: int, of: int) -> str:
    return file if of == 1 else f"{file}:{at}"


def _trace(file: Path, at: int) -> RunParts:
    runs = _read(_state(file))
    return _built(runs[min(at, len(runs)) - 1], file, file.name, at, len(runs)), None


def _built(run: TextRun, path: Path, name: str, at: int, of: int) -> Trace:
    return trace_of(
        run.run,
        source=f"{NAME} ({run.how})",
        path=path,
        name=_name(name, at, of),
        max_steps=run.max_steps,
        finished=run.finished or run.max_steps is None,
        train_rows=run.train_rows,
        settings=MappingProxyType(run.settings),
        summary=MappingProxyType(run.summary),
        framework=run.framework,
        ranks=MappingProxyType(
            {rank: MappingProxyType(other.columns) for rank, other in run.ranks.items()}
        ),
    )


FORMAT = LogFormat(NAME, find)
