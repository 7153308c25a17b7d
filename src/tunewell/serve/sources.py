"""Where a run is read from: the watcher's events line by line, any other log as a whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tunewell.core.errors import InputError, UserError
from tunewell.engine import registry
from tunewell.engine.examine import Outcomes, examine
from tunewell.engine.settings import Settings
from tunewell.readers.logs import find_runs, pick
from tunewell.readers.logs import tunewell_folder as folder
from tunewell.readers.logs.logged_run import LoggedRun, RunParts
from tunewell.readers.logs.run_folder import RunLog, read_events
from tunewell.serve.live_run import LiveRun

QUICK, SLOW = 0.5, 2.0
"""Seconds between two looks at a log. Where it has the size and time that it had, none is read."""

SELDOM = 5.0
SHARE = 0.03
"""Reading a whole log and checking it comes every 5 seconds at most, and may take this share of one
core: processor time, not time on the clock, which a busy machine stretches."""

HEAD_BYTES = 512
"""A file that begins otherwise than it did is another file. Its first event holds its time."""


class Gone(Exception):  # noqa: N818  it is no error: a run may be moved away
    """The log is not where it was."""


class Source(Protocol):
    """One log that is read again and again."""

    def poll(self, *, examine: bool) -> None:
        """Take what is new into the run; with `examine`, look for faults where that is due.

        Raises:
            Gone: if it is not there any more.
            InputError: if it cannot be read.
        """

    @property
    def interval(self) -> float:
        """Seconds until another look is worth it."""


class _Events(RunLog):
    """Hands the events of a log on, where `RunLog` makes a trace of them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.fresh: list[Mapping[str, Any]] = []

    def add(self, event: Mapping[str, Any]) -> None:
        self.fresh.append(event)

    def take(self) -> list[Mapping[str, Any]]:
        taken, self.fresh = self.fresh, []
        return taken


class EventSource:
    """The watcher's events.jsonl, of which only what was appended is read.

    The watcher looks at its run seldom, to cost it nothing, and writes what it finds. This process
    looks too, now and then while the run goes on and once at its end, so that the page then says
    what `tunewell diagnose` says, also of a killed run.
    """

    def __init__(self, path: Path, run: LiveRun, settings: Settings) -> None:
        self._path = path
        self._run = run
        self._settings = settings
        self._events = _Events(path)
        self._known: tuple[int, int, int] | None = None
        self._head = b""
        self._judged: object = None
        self._due = 0.0

    @property
    def interval(self) -> float:
        """Rarely, where the run has ended and was examined."""
        return SLOW if self._run.ended and self._judged == (self._known, True) else QUICK

    def poll(self, *, examine: bool) -> None:
        """Take what was appended, then examine it where that is due."""
        try:
            stat = self._path.stat()
        except OSError:
            raise Gone from None
        known, first = (stat.st_ino, stat.st_size, stat.st_mtime_ns), self._known is None
        new = known != self._known
        if new:
            self._begin_again_if_other(stat.st_ino, stat.st_size)
            self._events.follow()
            self._known = known
            fresh = self._events.take()
            if fresh:
                self._run.take(fresh)
        self._run.tick()
        # An examination takes seconds where the log is long: the page shows the curves before it.
        at_once = first or (new and self._run.ended) or self._run.phase == "waiting"
        if examine and not at_once:
            self._examine_if_due(known)

    def _examine_if_due(self, known: object) -> None:
        ended = self._run.ended
        now = time.monotonic()
        if self._judged == (known, ended) or (not ended and now < self._due):
            return
        registry.load()  # takes a second, once: no cost of an examination
        began = time.thread_time()
        if ended:
            self._events.finish()
            self._run.take(self._events.take())
        outcomes = _examined(read_events(self._path), self._settings)
        # Drawing what was found is not counted: its first chart loads the library that draws.
        self._due = now + max(SELDOM, (time.thread_time() - began) / SHARE)
        self._judged = (known, ended)
        self._run.judge(outcomes.findings, outcomes.passed)

    def _begin_again_if_other(self, inode: int, size: int) -> None:
        try:
            with self._path.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError as error:
            message = f"{self._path}: cannot be read: {error.strerror}"
            raise InputError(message) from None
        same = self._known is None or (
            (inode == self._known[0] and size >= self._known[1]) and head.startswith(self._head)
        )
        if not same:
            self._run.forget()
            self._events = _Events(self._path)
        self._head = head


class LogSource:
    """Any other log: read as a whole and examined whenever it was written to."""

    def __init__(self, path: Path, name: str, run: LiveRun, settings: Settings) -> None:
        self._path = path
        self._name = name
        self._run = run
        self._settings = settings
        self._known: tuple[Path, float] | None = None
        self._parts: RunParts | None = None
        self._cost = 0.0

    @property
    def interval(self) -> float:
        """So rarely that reading keeps to its share of the time."""
        return QUICK if self._parts is not None else max(SLOW, self._cost / SHARE)

    def poll(self, *, examine: bool) -> None:
        """Read what was written to; the next time, examine it."""
        found = [run for run in _found(self._path) if run.name == self._name]
        if not found or found[0].format == folder.NAME:
            raise Gone
        logged = found[0]
        registry.load()
        began = time.thread_time()
        if (logged.path, logged.when) != self._known:
            self._parts = logged.read()
            self._run.take_trace(self._parts[0], logged.when)
            self._known = (logged.path, logged.when)
            self._cost = time.thread_time() - began
        elif examine and self._parts is not None:
            outcomes = _examined(self._parts, self._settings)
            self._parts = None
            self._cost += time.thread_time() - began
            self._run.judge(outcomes.findings, outcomes.passed)
        self._run.tick()


class Reader:
    """Keeps a run up to date with what lies at a path, also where nothing lies there yet."""

    def __init__(self, path: Path, name: str | None, run: LiveRun, settings: Settings) -> None:
        self._path = path
        self._name = name
        self._run = run
        self._settings = settings
        self._source: Source | None = None

    @property
    def interval(self) -> float:
        """Seconds until another look is worth it."""
        return self._source.interval if self._source is not None else SLOW / 2

    def poll(self, *, examine: bool = True) -> None:
        """Read what is new. What keeps it from being read is said on the page, never raised."""
        try:
            self._poll(examine=examine)
        except UserError as error:
            self._run.say(str(error))
        except Exception as error:  # noqa: BLE001  the page must outlive whatever a log holds
            self._run.say(f"a fault in Tunewell itself: {type(error).__name__}: {error}")

    def _poll(self, *, examine: bool) -> None:
        if self._source is None and not self._open():
            return
        try:
            self._look(examine=examine)
        except Gone:
            self._source = None
            if not self._open():
                gone = f"{self._path}: the log is not there any more; the last of it is shown"
                self._run.say(gone)
                return
            self._look(examine=examine)
        self._run.say("")

    def _look(self, *, examine: bool) -> None:
        if self._source is not None:
            self._source.poll(examine=examine)

    def _open(self) -> bool:
        """Open the log that lies at the path, as another run than the one before."""
        found = _found(self._path)
        if not found:
            return False
        logged = pick(found, self._path, self._name)
        self._run.forget()
        self._run.name = logged.name
        if logged.format == folder.NAME:
            self._source = EventSource(logged.path, self._run, self._settings)
        else:
            self._source = LogSource(self._path, logged.name, self._run, self._settings)
        return True


def _found(path: Path) -> tuple[LoggedRun, ...]:
    try:
        return find_runs(path)
    except InputError:
        return ()


def _examined(parts: RunParts, settings: Settings) -> Outcomes:
    """What `tunewell diagnose` finds in a log."""
    return examine([part for part in parts if part is not None], settings=settings)
