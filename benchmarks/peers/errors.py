"""Errors and verdicts of one way to answer, over the rows that it covers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from peers.cases import Row

CLOSE = 0.10


@dataclass(frozen=True)
class Errors:
    """Relative errors, in per cent, of what a tool says against one measured size."""

    covered: int
    asked: int
    mean: float
    median: float
    under: float
    over: float
    close: float

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return asdict(self)


@dataclass(frozen=True)
class Verdicts:
    """How often the card's real memory was judged rightly.

    `fitted` of the runs that completed were said to fit, `foreseen` of those that ran out of memory
    were said not to. `tight` of either were left open.
    """

    fitted: int
    completed: int
    foreseen: int
    ran_out: int
    tight: int

    @property
    def wrong(self) -> int:
        """Verdicts that were given and were wrong."""
        given = self.completed + self.ran_out - self.tight
        return given - self.fitted - self.foreseen


def errors(
    rows: Sequence[Row], answers: dict[str, dict[str, Any]], *, said: str, against: str
) -> Errors | None:
    """Errors of `said` ("tensors" or "total") against `against` ("allocated" or "process").

    Rows that stand in for something else are left out. None where nothing is covered.
    """
    asked = [row for row in rows if row.measured.get(against) and not row.stands_in]
    missed = [
        100 * (answers[row.name][said] / row.measured[against] - 1)
        for row in asked
        if said in answers[row.name]
    ]
    if not missed:
        return None
    return Errors(
        covered=len(missed),
        asked=len(asked),
        mean=statistics.mean(abs(miss) for miss in missed),
        median=statistics.median(abs(miss) for miss in missed),
        under=min(0.0, *missed, 0.0),
        over=max(0.0, *missed, 0.0),
        close=100 * sum(abs(miss) <= 100 * CLOSE for miss in missed) / len(missed),
    )


def verdicts(rows: Sequence[Row], answers: dict[str, dict[str, Any]]) -> Verdicts:
    """Whether each step fits the card it was measured on, by what the tool says it takes.

    What it takes is `total`, or `tensors` where a tool has no total. A step is tight where `least`
    fits and `total` does not.
    """
    fitted = completed = foreseen = ran_out = tight = 0
    for row in rows:
        answer = answers[row.name]
        needed = answer.get("total", answer.get("tensors"))
        if needed is None or row.stands_in:
            continue
        room = row.card["bytes"]
        fits = needed <= room
        if row.completed:
            completed += 1
        else:
            ran_out += 1
        if not fits and answer.get("least", needed) <= room:
            tight += 1
        elif row.completed:
            fitted += fits
        else:
            foreseen += not fits
    return Verdicts(fitted, completed, foreseen, ran_out, tight)
