"""One child process for all simulations of a search, which come in several batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from tunewell.plan import child
from tunewell.plan.hunt import Simulate
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step

Stream = Callable[[Iterable[Step]], Iterator[Simulated | NotSimulated]]


@contextmanager
def one_child(stream: Stream = child.simulate) -> Iterator[Simulate]:
    """A simulator of batches that keeps its child between them.

    Starting one costs seconds of imports, which a batch of one step would otherwise pay anew.

    Args:
        stream: answers steps one by one as they are taken from it.
    """
    waiting: deque[Step] = deque()

    def asked() -> Iterator[Step]:
        while True:
            yield waiting.popleft()

    answers = stream(asked())

    def simulate(steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        made = []
        for step in steps:
            waiting.append(step)
            made.append(next(answers))
        return made

    try:
        yield simulate
    finally:
        close = getattr(answers, "close", None)
        if close is not None:
            close()
