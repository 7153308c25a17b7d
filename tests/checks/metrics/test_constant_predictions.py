"""MET004 constant-predictions."""

from tests.checks.evaluations import from_counts, random_errors

from tunewell.checks.metrics.constant_predictions import constant_predictions
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check


class TestConstantPredictions(CheckCases):
    """Collapse, and data that is mostly of one class."""

    check = constant_predictions
    faulty = {
        "one answer": (from_counts([[50, 0, 0], [50, 0, 0], [50, 0, 0]]),),
        "one answer on unbalanced data": (from_counts([[180, 0], [20, 0]]),),
        "nothing learned among eight classes": (from_counts([[20] + [0] * 7] * 8),),
        "nearly one answer": (from_counts([[100, 0], [99, 1]]),),
    }
    nearly = {
        "mostly one class and mostly right": (from_counts([[196, 0], [2, 2]]),),
        "hardly another label": (from_counts([[100, 0], [3, 0]]),),
        "a bias": (from_counts([[100, 0], [90, 10]]),),
    }
    clean = {"a good model": (random_errors(300, 5, 0.1),)}


def test_all_rows_the_same_is_an_error() -> None:
    """Nearly all is a warning."""
    all_same = run_check(constant_predictions, (from_counts([[50, 0], [50, 0]]),)).findings[0]
    nearly = run_check(constant_predictions, (from_counts([[100, 0], [99, 1]]),)).findings[0]
    assert (all_same.severity, nearly.severity) == (Severity.ERROR, Severity.WARNING)
    assert "all 100 rows are answered 'class 0', which is the label of 50" in all_same.message
