"""What a plan knows of the memory of its step, and how it came to know it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tunewell.api.planning.changes import Shared
from tunewell.plan.advice import Advice
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Step


@dataclass(slots=True)
class Answer:
    """What is known of the memory: the step if one was simulated, and why none was.

    `what` says in words what was simulated, where that is a trainer's own step.
    """

    needed: Needed | None
    step: Step | None = None
    simulated: Simulated | None = None
    reason: str = ""
    advice: tuple[Advice, ...] | None = None
    shared: tuple[Shared, ...] = field(default=())
    what: str = ""

    @property
    def how(self) -> str:
        """How to get the exact answer where there is none: what the simulation said of it."""
        return f"{self.reason[:1].upper()}{self.reason[1:]}." if self.reason else ""
