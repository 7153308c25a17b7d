"""A piece of advice: moves, and what the step after them was simulated to take."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.core.finding import Safety
from tunewell.core.words import counted
from tunewell.plan.moves import Move
from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Step
from tunewell.plan.verdict import Verdict, verdict_of

Fit = Verdict
FITS: tuple[Fit, ...] = ("fits", "tight", "does-not-fit")
BATCHES = frozenset({"smaller-micro-batch", "larger-micro-batch"})
"""The moves that set the rows at a time and the accumulation."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Moves, the step after them, and its simulation.

    `fit` is "fits" where what the allocator takes with no limit is within the capacity, "tight"
    where only the least that it can live with is. `saved` is in bytes of that peak against the
    step as it was, negative where it needs more. `seconds` is of one optimizer step, and `slower`
    its share more than before, negative where it is faster: both are of the same rows.
    """

    moves: tuple[Move, ...]
    step: Step
    simulated: Simulated
    fit: Fit
    saved: int
    seconds: float
    slower: float

    @property
    def safety(self) -> Safety:
        """UNSAFE if one of the moves is."""
        unsafe = any(move.safety is not Safety.SAFE for move in self.moves)
        return Safety.UNSAFE if unsafe else Safety.SAFE

    @property
    def unseen(self) -> bool:
        """Whether it is slower than `slower` says, by what no simulation shows."""
        return any(move.unseen for move in self.moves)

    @property
    def title(self) -> str:
        """What to do, in one line."""
        return "; ".join(
            f"{counted(self.step.batch, 'row')} at a time, accumulated "
            f"{counted(self.step.accumulation, 'time')}"
            if move.id in BATCHES
            else move.title
            for move in self.moves
        )


def fit(simulated: Simulated, capacity: int) -> Fit:
    """Whether a step fits into so many bytes of PyTorch's allocator."""
    return verdict_of(simulated.peak_reserved, simulated.smallest_capacity, capacity)
