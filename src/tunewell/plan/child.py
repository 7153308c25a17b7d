"""Simulations in a process of their own: PyTorch can abort one, and the caller needs no PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step


def simulate(
    steps: Iterable[Step], *, timeout: float = 120.0
) -> Iterator[Simulated | NotSimulated]:
    """Simulate each step, in order, in one child process.

    A step that kills the child gives `NotSimulated`; the next ones get a new child.
    """
    raise NotImplementedError
