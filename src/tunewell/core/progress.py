"""How long work tells how far it is, without knowing who shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shown on stderr by the command line, and by nobody from a script."""

    def begin(self, title: str, total: int | None = None) -> None:
        """Start a piece of work of `total` units; an unfinished one before it ends here."""

    def advance(self, units: int = 1) -> None:
        """Say that so many more units are done."""

    def note(self, text: str) -> None:
        """Say one line that stays on the screen."""

    def end(self) -> None:
        """End the current piece of work."""


class Silent:
    """Shows nothing."""

    def begin(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, units: int = 1) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
