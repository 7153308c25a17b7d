"""Say a line while progress bars are drawn."""

from __future__ import annotations

import sys


def announce_on_stderr(text: str) -> None:
    """Say a finding on standard error, on a line of its own.

    Where tqdm is loaded it takes its bars away, writes the line and draws them again, so that the
    line does not begin in the middle of a bar.
    """
    line = f"tunewell: {text}"
    bars = sys.modules.get("tqdm.std")
    if bars is None:
        sys.stderr.write(f"{line}\n")
    else:
        bars.tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def announce_below_keras(text: str) -> None:
    """The same beside the bar of Keras, which is no line until it is full."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        sys.stderr.write("\n")
    announce_on_stderr(text)
