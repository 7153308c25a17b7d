"""MET001 evaluation-too-small."""

import numpy as np
from tests.checks.evaluations import evaluation, random_errors

from tunewell.checks.metrics.evaluation_too_small import evaluation_too_small
from tunewell.core.finding import Severity
from tunewell.subjects.evaluation import Evaluation, EvaluationPair
from tunewell.testing import CheckCases, run_check

ROWS = 400


def better_by(rows: int) -> tuple[Evaluation, EvaluationPair]:
    """A candidate that repairs `rows` rows and breaks 20 of 400."""
    given = np.zeros(ROWS, dtype=np.int64)
    given[::2] = 1
    before, after = given.copy(), given.copy()
    before[:60] = 1 - given[:60]
    after[rows:60] = 1 - given[rows:60]
    after[100:120] = 1 - given[100:120]
    one, two = evaluation(given, before, 2), evaluation(given, after, 2)
    return two, EvaluationPair(one, two)


class TestEvaluationTooSmall(CheckCases):
    """Few rows, few rows a class, and a claim that the rows cannot carry."""

    check = evaluation_too_small
    faulty = {
        "sixty rows": (random_errors(60, 3, 0.2),),
        "three rows a class": (random_errors(450, 150, 0.1),),
        "an undecided difference": better_by(28),
    }
    nearly = {
        "four hundred rows at 85 %": (random_errors(400, 4, 0.15),),
        "a difference that is decided": better_by(55),
        "the same model twice": better_by(20),
    }
    clean = {"three thousand rows": (random_errors(3000, 77, 0.08),)}


def test_severity_follows_the_harm() -> None:
    """A wide interval is information, a very wide one a warning."""
    wide = run_check(evaluation_too_small, (random_errors(150, 3, 0.2),)).findings[0]
    wider = run_check(evaluation_too_small, (random_errors(40, 3, 0.2),)).findings[0]
    assert wide.severity is Severity.INFO
    assert wider.severity is Severity.WARNING
    assert "lie between" in wide.message
