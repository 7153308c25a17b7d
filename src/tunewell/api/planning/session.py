"""Simulations one after another in one child process, so that its libraries are imported once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from tunewell.core.progress import Progress
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step

Simulate = Callable[[Iterable[Step]], Iterator[Simulated | NotSimulated]]
"""Answers steps in their order, and asks for the next one only after an answer was taken."""


class Session:
    """A conversation with one child, closed at the end of its `with`."""

    def __init__(self, simulate: Simulate, progress: Progress) -> None:
        self._progress = progress
        self._asked: Step | None = None
        self._answers = simulate(self._ask())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        close = getattr(self._answers, "close", None)  # a generator has it, a list's iterator not
        if close is not None:
            close()

    def one(self, step: Step) -> Simulated | NotSimulated:
        """The answer to one step."""
        self._asked = step
        return next(self._answers)

    def all(self, steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        """The answers to several, each told to the progress."""
        found = []
        for step in steps:
            found.append(self.one(step))
            self._progress.advance()
        return found

    def _ask(self) -> Iterator[Step]:
        while self._asked is not None:
            yield self._asked
