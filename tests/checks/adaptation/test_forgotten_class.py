"""ADA004 forgotten-class."""

from collections.abc import Mapping

import numpy as np

from tunewell.checks.adaptation.forgotten_class import forgotten_class
from tunewell.subjects.evaluation import Evaluation, EvaluationPair
from tunewell.testing import CheckCases

NAMES = ("card", "loan", "pin")


def pair(kinds: Mapping[str, tuple[int, int, int, int]]) -> EvaluationPair:
    """For each class rows that both get right, only the candidate, only the current, neither."""
    given: list[int] = []
    was: list[bool] = []
    now: list[bool] = []
    for name, counts in kinds.items():
        given += [NAMES.index(name)] * sum(counts)
        was += np.repeat([True, False, True, False], counts).tolist()
        now += np.repeat([True, True, False, False], counts).tolist()
    ids = np.array(given, dtype=np.int64)

    def side(name: str, right: list[bool]) -> Evaluation:
        return Evaluation(name, NAMES, ids, np.where(right, ids, (ids + 1) % 3))

    return EvaluationPair(side("current", was), side("candidate", now))


class TestForgottenClass(CheckCases):
    """Planted, nearly faulty and clean candidates."""

    check = forgotten_class
    faulty = {
        "one class lost while the others gain": (
            pair({"card": (5, 0, 25, 0), "loan": (20, 10, 0, 0), "pin": (20, 10, 0, 0)}),
        ),
    }
    nearly = {
        "a class of four rows": (pair({"card": (0, 0, 4, 0), "loan": (30, 0, 0, 0)}),),
        "rows that only change places": (pair({"card": (10, 10, 10, 0), "loan": (30, 0, 0, 0)}),),
        "a small loss in a large class": (pair({"card": (270, 0, 30, 0), "loan": (30, 0, 0, 0)}),),
    }
    clean = {"the same": (pair({"card": (25, 0, 0, 5), "loan": (30, 0, 0, 0)}),)}
