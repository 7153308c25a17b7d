"""Simulations of one search: made in batches, never twice, and never more than allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tunewell.plan.advice import BATCHES, Advice, fit
from tunewell.plan.moves import Move
from tunewell.plan.moves import move as named
from tunewell.plan.moves.steps import micro_batches, with_batch
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step

Simulate = Callable[[Sequence[Step]], Sequence[Simulated | NotSimulated]]
Seconds = Callable[[Simulated], float]


@dataclass(slots=True)
class Hunt:
    """What was simulated so far, and how many simulations are left.

    `base` is the step as it was, beside which all others are put. `found` has each step once, with
    the fewest moves that lead to it.
    """

    simulate: Simulate
    seconds: Seconds
    capacity: int
    left: int
    base: Advice | None = None
    known: dict[bytes, Simulated | None] = field(default_factory=dict)
    found: dict[bytes, Advice] = field(default_factory=dict)

    def start(self, step: Step) -> Advice | None:
        """The step as it is; None if it cannot be simulated."""
        self.base = next(iter(self.try_all([((), step)])), None)
        return self.base

    def try_all(self, wanted: Iterable[tuple[tuple[Move, ...], Step]]) -> list[Advice]:
        """Simulate the steps that are not known yet, in one batch; those that could not be are out.

        Args:
            wanted: steps with the moves that lead to them from the first one.
        """
        asked: dict[bytes, tuple[tuple[Move, ...], Step]] = {}
        for moves, step in wanted:
            asked.setdefault(msgspec.json.encode(step), (moves, step))
        new = [(key, step) for key, (_, step) in asked.items() if key not in self.known]
        new = new[: self.left]
        self.left -= len(new)
        outcomes = self.simulate([step for _, step in new]) if new else ()
        for (key, _), outcome in zip(new, outcomes, strict=True):
            self.known[key] = outcome if isinstance(outcome, Simulated) else None
        made = []
        for key, (moves, step) in asked.items():
            simulated = self.known.get(key)
            if simulated is None:
                continue
            if key not in self.found or len(moves) < len(self.found[key].moves):
                self.found[key] = self._advice(moves, step, simulated)
            made.append(self.found[key])
        return made

    def _advice(self, moves: tuple[Move, ...], step: Step, simulated: Simulated) -> Advice:
        seconds = self.seconds(simulated)
        peak = self.base.simulated.peak_reserved if self.base else simulated.peak_reserved
        before = self.base.seconds if self.base else seconds
        return Advice(
            moves=moves,
            step=step,
            simulated=simulated,
            fit=fit(simulated, self.capacity),
            saved=peak - simulated.peak_reserved,
            seconds=seconds,
            slower=seconds / before - 1.0 if before else 0.0,
        )

    def most_rows(self, front: Advice) -> Advice | None:
        """The most rows at a time that fit, at the same effective batch.

        Memory grows with the rows nearly in a straight line, which says where to look next; every
        guess is simulated. None where not even the fewest rows fit, or simulations ran out.
        """
        sizes = micro_batches(front.step)
        rows = {front.step.batch: front}
        best = front if front.fit == "fits" else None
        if best is None:
            sizes = tuple(n for n in sizes if n < front.step.batch)
            best = self._with_rows(front, sizes[0], rows) if sizes else None
            if best is None or best.fit != "fits":
                return None
        while between := [n for n in sizes if n > best.step.batch and n not in rows]:
            made = self._with_rows(front, _guess(between, rows, self.capacity), rows)
            if made is None:
                break
            if made.fit == "fits":
                best = made
            else:
                sizes = tuple(n for n in sizes if n < made.step.batch)
        return best

    def _with_rows(self, front: Advice, batch: int, rows: dict[int, Advice]) -> Advice | None:
        """The same with so many rows at a time; `rows` grows by it."""
        moves = _batched(front, batch, self.base)
        made = self.try_all([(moves, with_batch(front.step, batch))])
        if not made:
            return None
        rows[batch] = made[0]
        return made[0]


def _batched(front: Advice, batch: int, base: Advice | None) -> tuple[Move, ...]:
    """The moves that lead to a step with another micro-batch."""
    others = tuple(move for move in front.moves if move.id not in BATCHES)
    first = base.step.batch if base is not None else front.step.batch
    if batch == first:
        return others
    return (*others, named("smaller-micro-batch" if batch < first else "larger-micro-batch"))


def _guess(between: Sequence[int], rows: Mapping[int, Advice], capacity: int) -> int:
    """The most of these rows that should fit, by the line through the nearest two that are known.

    The largest where only one is known: it is the other end of the line.
    """
    points = sorted((n, each.simulated.peak_reserved) for n, each in rows.items())
    if len(points) == 1:
        return between[-1]
    above = next((at for at, (_, taken) in enumerate(points) if taken > capacity), len(points) - 1)
    (n0, m0), (n1, m1) = points[max(0, above - 1)], points[max(1, above)]
    if m1 <= m0:
        return between[-1]
    limit = n0 + (capacity - m0) * (n1 - n0) / (m1 - m0)
    return max((n for n in between if n <= limit), default=between[0])
