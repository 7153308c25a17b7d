"""Lines on standard error beside progress bars."""

import io
import sys

import pytest
from tqdm.auto import tqdm  # type: ignore[import-untyped]

from tunewell.train.observer.announce import announce_below_keras, announce_on_stderr


def screen(written: str) -> list[str]:
    """The lines that a terminal shows: a carriage return goes back to the line's beginning."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_a_line_stands_alone_between_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is taken away for the line and drawn again below it."""
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    with tqdm(range(4), ncols=60, mininterval=0) as bar:
        for step in bar:
            if step == 2:
                announce_on_stderr("step 2: FIT003 divergence: the loss rose")
    lines = screen(terminal.getvalue())
    assert lines[0] == "tunewell: step 2: FIT003 divergence: the loss rose"
    assert lines[1].startswith("100%")


def test_without_a_bar_it_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the line is written, with tqdm loaded or not."""
    announce_on_stderr("step 2: FIT003")
    assert capsys.readouterr().err == "tunewell: step 2: FIT003\n"


def test_without_tqdm_it_is_a_plain_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A loop in plain PyTorch need not have loaded it."""
    monkeypatch.delitem(sys.modules, "tqdm.std")
    announce_on_stderr("step 2: FIT003")
    assert capsys.readouterr().err == "tunewell: step 2: FIT003\n"


@pytest.mark.parametrize(("terminal", "begins"), [(True, "\ntunewell: "), (False, "tunewell: ")])
def test_the_bar_of_keras_is_left_above(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, begins: str
) -> None:
    """On a terminal a new line is begun; in a file there is no bar to keep clear of."""
    out, err = io.StringIO(), io.StringIO()
    for stream in (out, err):
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    announce_below_keras("step 2")
    assert err.getvalue().startswith(begins)
