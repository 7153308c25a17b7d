"""MET005 class-never-predicted."""

from tests.checks.evaluations import from_counts, random_errors

from tunewell.checks.metrics.class_never_predicted import class_never_predicted
from tunewell.testing import CheckCases, run_check

LOST = from_counts(
    [[50, 2, 0], [3, 47, 0], [12, 18, 0]],
    train_counts=(400, 380, 2),
)


class TestClassNeverPredicted(CheckCases):
    """A lost class, and classes too small to say so."""

    check = class_never_predicted
    faulty = {"a lost class": (LOST,)}
    nearly = {
        "four rows only": (from_counts([[50, 2, 0], [3, 47, 0], [2, 2, 0]]),),
        "predicted once": (from_counts([[50, 2, 0], [3, 47, 1], [12, 18, 0]]),),
        "a class without rows": (from_counts([[50, 2, 0], [3, 47, 0], [0, 0, 0]]),),
        "one answer to everything": (from_counts([[50, 0], [50, 0]]),),
    }
    clean = {"a good model": (random_errors(300, 5, 0.1),)}


def test_the_cause_is_told() -> None:
    """The training rows of the class stand in the message."""
    finding = run_check(class_never_predicted, (LOST,)).findings[0]
    assert "'class 2' with 30 rows and 2 training rows" in finding.message
    assert "all 30 rows" in finding.impact
