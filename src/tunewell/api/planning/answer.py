"""What a plan knows of the memory of its step, and how it came to know it."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.api.planning.learned import Learned
from tunewell.api.planning.money import Timed
from tunewell.api.planning.several import Spread
from tunewell.plan.advice import Advice
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Step
from tunewell.subjects.prediction import Prediction


@dataclass(slots=True)
class Answer:
    """What is known of the memory: the step if one was simulated, and why none was.

    `what` says in words what was simulated, where that is a trainer's own step. Of a step on
    several GPUs it is that of the fullest one, by the way of `spread` that counts. `seconds` are
    those of the step before any correction by earlier runs.
    """

    needed: Needed | None
    step: Step | None = None
    simulated: Simulated | None = None
    reason: str = ""
    advice: tuple[Advice, ...] | None = None
    what: str = ""
    spread: Spread | None = None
    learned: Learned | None = None
    seconds: Timed | None = None

    @property
    def likely(self) -> float | None:
        """Seconds of the step before any correction, None where they are not known."""
        return self.seconds.likely if self.seconds is not None else None

    @property
    def prediction(self) -> Prediction | None:
        """What a run of the step is to be held against; None where none was simulated."""
        if self.learned is None or self.step is None or self.simulated is None:
            return None
        return self.learned.prediction(self.step, self.simulated, self.likely)

    @property
    def how(self) -> str:
        """How to get the exact answer where there is none: what the simulation said of it."""
        return f"{self.reason[:1].upper()}{self.reason[1:]}." if self.reason else ""
