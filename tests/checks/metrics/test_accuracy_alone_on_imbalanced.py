"""MET002 accuracy-alone-on-imbalanced."""

from tests.checks.evaluations import from_counts, random_errors

from tunewell.checks.metrics.accuracy_alone_on_imbalanced import accuracy_alone_on_imbalanced
from tunewell.testing import CheckCases


class TestAccuracyAloneOnImbalanced(CheckCases):
    """A good accuracy over a lost class, and unbalanced data that is handled well."""

    check = accuracy_alone_on_imbalanced
    faulty = {
        "spam that is missed": (from_counts([[940, 10], [40, 10]]),),
        "one of four classes lost": (
            from_counts([[600, 5, 5, 0], [4, 80, 5, 1], [2, 5, 90, 0], [30, 20, 10, 10]]),
        ),
    }
    nearly = {
        "unbalanced and found": (from_counts([[940, 10], [10, 40]]),),
        "too few rare rows to know": (from_counts([[940, 10], [4, 2]]),),
        "balanced with a weak class": (from_counts([[95, 5, 0], [3, 97, 0], [30, 40, 30]]),),
        "one answer to everything": (from_counts([[950, 0], [50, 0]]),),
    }
    clean = {"balanced and good": (random_errors(1000, 10, 0.05),)}
