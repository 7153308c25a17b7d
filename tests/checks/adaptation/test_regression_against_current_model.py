"""ADA003 regression-against-current-model."""

import numpy as np

from tunewell.checks.adaptation.regression_against_current_model import (
    regression_against_current_model,
)
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.evaluation import Evaluation, EvaluationPair
from tunewell.testing import CheckCases, run_check


def pair(*, both: int, fixed: int, broke: int, neither: int) -> EvaluationPair:
    """Rows of one class, so many of each kind."""
    was = np.repeat([True, False, True, False], [both, fixed, broke, neither])
    now = np.repeat([True, True, False, False], [both, fixed, broke, neither])
    given = np.zeros(len(was), dtype=np.int64)

    def side(name: str, right: np.ndarray) -> Evaluation:
        return Evaluation(name, ("a", "b"), given, np.where(right, 0, 1).astype(np.int64))

    return EvaluationPair(side("current", was), side("candidate", now))


class TestRegressionAgainstCurrentModel(CheckCases):
    """Planted, nearly faulty and clean candidates."""

    check = regression_against_current_model
    faulty = {
        "worse": (pair(both=400, fixed=10, broke=60, neither=30),),
        "as good, but other answers": (pair(both=300, fixed=60, broke=60, neither=80),),
    }
    nearly = {
        "a loss that chance makes": (pair(both=400, fixed=12, broke=22, neither=66),),
        "a large share of few rows": (pair(both=40, fixed=8, broke=8, neither=4),),
    }
    clean = {
        "better": (pair(both=400, fixed=60, broke=10, neither=30),),
        "the same": (pair(both=400, fixed=0, broke=0, neither=100),),
    }


def test_only_a_significant_loss_is_an_error() -> None:
    """Changed answers without a loss are a warning."""
    worse = run_check(
        regression_against_current_model, (pair(both=400, fixed=10, broke=60, neither=30),)
    ).findings[0]
    other = run_check(
        regression_against_current_model, (pair(both=300, fixed=60, broke=60, neither=80),)
    ).findings[0]
    assert (worse.severity, worse.confidence) == (Severity.ERROR, Confidence.HIGH)
    assert (other.severity, other.confidence) == (Severity.WARNING, Confidence.MEDIUM)


def test_false_blocks_are_rare_for_equal_models() -> None:
    """Two models of the same strength, 500 rows: at most a few per cent are called worse."""
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(200):
        difficulty = rng.random(500)
        was, now = (rng.random((2, 500)) > difficulty * 0.3).tolist()
        given = np.zeros(500, dtype=np.int64)
        sides = [
            Evaluation(name, ("a", "b"), given, np.where(right, 0, 1).astype(np.int64))
            for name, right in (("current", was), ("candidate", now))
        ]
        found = run_check(regression_against_current_model, (EvaluationPair(*sides),)).findings
        errors += any(f.severity is Severity.ERROR for f in found)
    assert errors <= 4
