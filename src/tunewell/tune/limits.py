"""How far a tuning session may go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a session. `seconds` is a wish: a training that runs is not cut off.

    `alpha` is the error rate of the whole session, shared among `moves` comparisons.
    """

    seconds: float | None = None
    moves: int = 6
    seeds: tuple[int, ...] = (0, 1)
    alpha: float = 0.05
    explore: bool = False
