"""How far long work is, on stderr."""

from __future__ import annotations

import atexit
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from tunewell.report.words import duration, visible

REDRAWS_PER_SECOND = 8


class Bars:
    """`core.progress.Progress` shown to a person: bars on a terminal, plain lines elsewhere.

    In a file or a pipe each piece of work is one line at its beginning and one at its end. Used
    as a context manager, it leaves the terminal as it found it, whatever happens inside.

    Args:
        stream: where to write; stderr where None.
        quiet: show nothing at all.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._bar: _Bar | None = None
        self._title = ""
        self._done = 0
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def begin(self, title: str, total: int | None = None) -> None:
        """Start a piece of work of `total` units; an unfinished one before it ends here."""
        self.end()
        self._title, self._done, self._began = visible(title), 0, time.monotonic()
        if self._quiet:
            return
        if self._stream.isatty():
            self._bar = _Bar(self._stream, self._title, total)
        else:
            self._say(f"{self._title} ...")

    def advance(self, units: int = 1) -> None:
        """Say that so many more units are done."""
        self._done += units
        if self._bar is not None:
            self._bar.advance(units)

    def note(self, text: str) -> None:
        """Say one line that stays on the screen."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.note(visible(text))
        else:
            self._say(visible(text))

    def end(self) -> None:
        """End the current piece of work."""
        if not self._title:
            return
        took = duration(time.monotonic() - self._began)
        title = self._title
        self._close()
        if not self._quiet:
            self._say(f"{title}: done in {took}")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._title = None, ""

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class _Bar:
    """One rich progress bar that vanishes when it is closed."""

    def __init__(self, stream: TextIO, title: str, total: int | None) -> None:
        from rich.console import Console  # noqa: PLC0415  50 ms that a pipe does not pay
        from rich.progress import (  # noqa: PLC0415  the same
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        known = (BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
        unknown = (SpinnerColumn(), TimeElapsedColumn())
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            *(unknown if total is None else known),
            console=Console(file=stream, highlight=False, markup=False, emoji=False),
            transient=True,
            refresh_per_second=REDRAWS_PER_SECOND,
        )
        self._task = self._progress.add_task(title, total=total)
        self._progress.start()
        # Whatever ends the process, the cursor comes back.
        atexit.register(self._progress.stop)

    def advance(self, units: int) -> None:
        self._progress.advance(self._task, units)

    def note(self, text: str) -> None:
        self._progress.console.print(text, soft_wrap=True)

    def close(self) -> None:
        atexit.unregister(self._progress.stop)
        self._progress.stop()
