"""Progress as lines in a file and as bars on a terminal."""

from __future__ import annotations

import io
import re

import pytest

from tunewell.core.progress import Progress
from tunewell.report.progress import Bars


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def work(progress: Progress) -> None:
    """Two pieces of work; the first is ended by the second."""
    progress.begin("Training", 3)
    for step in range(3):
        progress.advance()
        progress.note(f"step {step} \x1b[31m")
    progress.begin("Measuring")
    progress.end()
    progress.end()


def test_a_file_gets_plain_lines() -> None:
    """A line at the beginning, the notes, a line at the end."""
    stream = io.StringIO()
    work(Bars(stream))
    lines = [re.sub(r"in [\d.e-]+ s", "in N s", line) for line in stream.getvalue().splitlines()]
    assert lines == [
        "Training ...",
        "step 0 \\x1b[31m",
        "step 1 \\x1b[31m",
        "step 2 \\x1b[31m",
        "Training: done in N s",
        "Measuring ...",
        "Measuring: done in N s",
    ]


def test_a_terminal_gets_a_bar_and_its_cursor_back() -> None:
    """The count is shown, notes stay, and the cursor is shown again at the end."""
    stream = Terminal()
    with Bars(stream) as bars:
        work(bars)
    text = stream.getvalue()
    assert "3/3" in text
    assert "step 2 \\x1b[31m" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_an_interrupted_bar_gives_the_cursor_back() -> None:
    """Ctrl-C in the middle of work leaves a usable terminal."""
    stream = Terminal()

    def interrupted() -> None:
        with Bars(stream) as bars:
            bars.begin("Training", 3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = stream.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "done" not in text


def test_quiet_shows_nothing() -> None:
    """Nothing at all."""
    stream = Terminal()
    work(Bars(stream, quiet=True))
    assert not stream.getvalue()
