"""A change to a training step that saves memory or time, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tunewell.core.finding import Safety
from tunewell.plan.step import Step


@dataclass(frozen=True, slots=True)
class Cost:
    """What a move costs in one respect, in words, and who says so."""

    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Move:
    """One change.

    `change` gives the step after it, or None where it does not apply; it is None itself where a
    step does not hold what is changed (an environment variable, a layout over several GPUs): such a
    move cannot be simulated as a step. `when` says when it applies. `attacks` are the kinds of
    `tunewell.plan.step.KINDS` that it lessens, empty for one that saves time alone. `safety` is
    SAFE where what is learned cannot change but for rounding. `again` allows it more than once.
    `unseen` says that it costs time of which the work of a simulated step shows nothing.
    """

    id: str
    title: str
    when: str
    speed: Cost
    quality: Cost
    safety: Safety
    attacks: frozenset[str]
    change: Callable[[Step], Step | None] | None
    again: bool = False
    environment: tuple[str, ...] = ()
    unseen: bool = False

    def apply(self, step: Step) -> Step | None:
        """The step after the move, None where it does not apply."""
        return None if self.change is None else self.change(step)
