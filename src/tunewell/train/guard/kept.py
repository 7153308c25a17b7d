"""The states that can be gone back to, and the batches since."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch

from tunewell.train.guard.losses import IN_A_ROW
from tunewell.train.guard.memory import free_host_bytes, is_out_of_memory
from tunewell.train.guard.states import State, Trained
from tunewell.train.guard.steps import Step

SHARE = 0.005
"""Share of the run's time so far that copies of its state may take."""

EVERY = 20
"""Optimizer steps between two states, at least: an older one must have been proved by its
followers before it is given up."""

HOST_SHARE = 0.25
"""Share of the free memory of the host that states may take."""

MOST_BATCH_BYTES = 256 * 2**20
"""Batches kept on the host to be computed again. Where they come to more, a state is copied early,
but not before a rise in between would show."""


class Kept:
    """At most two states in host memory, oldest first, and the steps since the older one.

    Two, because the newer one may have been copied after the harm was done and before it showed.
    """

    def __init__(
        self,
        trainer: Any,  # noqa: ANN401
        note: Callable[[str], None],
        *,
        every: int = EVERY,
        share: float = SHARE,
    ) -> None:
        self.trained = Trained(trainer)
        self.every = every
        self.share = share
        self.note = note
        self.states: list[State] = []
        self.steps: deque[Step] = deque()
        self.seconds = 0.0
        self._last = 0.0
        self._began = time.perf_counter()
        self._bytes = 0
        room = free_host_bytes() * HOST_SHARE
        self.most = min(2, int(room // max(self.trained.bytes, 1))) if room else 1
        if not self.most:
            self._without("the host has too little free memory for one")

    def _without(self, why: str) -> None:
        self.most, self.states = 0, []
        self.steps.clear()
        self.note(
            f"no copy of the training's state is kept ({why}), so the guard cannot go back; "
            "it can still leave out a step or compute it in parts"
        )

    def add(self, step: Step) -> None:
        """Remember the batches of a step that is over."""
        if self.most and self.states:
            step.to_host()
            self.steps.append(step)
            self._bytes += step.bytes

    def save_if_due(self, number: int, factor: float, *, quiet: bool) -> None:
        """Copy the state after step `number` if that is due and the run looks well."""
        if not self.most or not quiet:
            return
        if not self.states:
            self.save(number, factor)
            return
        since = number - self.states[-1].step
        within = self.seconds + self._last <= self.share * (time.perf_counter() - self._began)
        full = self._bytes > MOST_BATCH_BYTES and since > IN_A_ROW
        if full or (since >= self.every and within):
            self.save(number, factor)

    def save(self, number: int, factor: float) -> None:
        """Copy the state after step `number`, over the older one where two are kept."""
        state = self.states.pop(0) if len(self.states) >= self.most else State()
        try:
            self._last = self.trained.save(state, number, factor)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._without("memory did not suffice for one")
            return
        self.seconds += self._last
        self.states.append(state)
        self._drop_steps()

    def _drop_steps(self) -> None:
        while self.steps and self.steps[0].number <= self.states[0].step:
            self._bytes -= self.steps.popleft().bytes

    def start_anew(self, number: int, factor: float) -> None:
        """Give up what was kept, and keep the state after step `number`."""
        self.states = []
        if self.most:
            self.save(number, factor)

    def newest(self, last: int) -> State | None:
        """The newest whole state at or before step `last` that is finite; newer ones are given up.

        None where there is none; then all stay.
        """
        for place in range(len(self.states) - 1, -1, -1):
            state = self.states[place]
            if 0 <= state.step <= last and _finite(state):
                del self.states[place + 1 :]
                return state
        return None

    def before(self, step: int) -> State | None:
        """The newest state that the updates just before step `step` cannot have harmed."""
        return next((s for s in reversed(self.states) if 0 <= s.step <= step - 2), None)

    def since(self, state: State) -> list[Step]:
        """The steps after a state."""
        return [step for step in self.steps if step.number > state.step]


def _finite(state: State) -> bool:
    tensors = [*state.tensors.values()]
    for held in state.optimizer.values():
        tensors += [value for value in held.values() if isinstance(value, torch.Tensor)]
    return all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point())
