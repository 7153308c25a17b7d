"""MET005 class-never-predicted."""

from tests.checks.evaluations import from_counts, random_errors

from tunewell.checks.metrics.class_never_predicted import class_never_predicted
from tunewell.testing import CheckCases, run_check

LOST = from_counts(
    [[50, 2, 0], [3, 47, 0], [12, 18, 0]],
    train_counts=(400, 380, 2),
)

UNLEARNED = from_counts([[9, 1, 0, 0, 0], [8, 2, 0, 0, 0], *[[7, 3, 0, 0, 0]] * 3])


class TestClassNeverPredicted(CheckCases):
    """A lost class, and classes too small to say so."""

    check = class_never_predicted
    faulty = {
        "a lost class": (LOST,),
        "a rare class lost beside a large one": (from_counts([[180, 0, 0], [1, 9, 0], [9, 1, 0]]),),
    }
    nearly = {
        "four rows only": (from_counts([[50, 2, 0], [3, 47, 0], [2, 2, 0]]),),
        "predicted once": (from_counts([[50, 2, 0], [3, 47, 1], [12, 18, 0]]),),
        "a class without rows": (from_counts([[50, 2, 0], [3, 47, 0], [0, 0, 0]]),),
        "hardly anything learned": (UNLEARNED,),
        "one answer to everything": (from_counts([[50, 0], [50, 0]]),),
    }
    clean = {"a good model": (random_errors(300, 5, 0.1),)}


def test_the_cause_is_told() -> None:
    """The training rows of the class stand in the message."""
    finding = run_check(class_never_predicted, (LOST,)).findings[0]
    assert "'class 2' with 30 rows and 2 training rows" in finding.message
    assert "all 30 rows" in finding.impact


def test_a_model_that_has_hardly_learned_is_no_case() -> None:
    """The reason gives both shares; with the option at 0 it is said all the same."""
    (skipped,) = run_check(class_never_predicted, (UNLEARNED,)).not_applicable
    assert "accuracy 22 % where always naming the largest class gives 20 %" in str(skipped)
    assert run_check(class_never_predicted, (UNLEARNED,), min_learned=0.0).findings
