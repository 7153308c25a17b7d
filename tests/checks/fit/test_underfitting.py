"""FIT002 underfitting."""

import dataclasses

from tunewell.checks.fit.underfitting import underfitting
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, trace


def run(*losses: float, classes: int | None = 8, finished: bool = True) -> Trace:
    """A classifier's run."""
    return dataclasses.replace(trace(loss=losses), classes=classes, finished=finished)


class TestUnderfitting(CheckCases):
    """ln 8 is 2.08."""

    check = underfitting
    faulty = {"hardly moved": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05),)}
    nearly = {
        "learned a quarter": (run(2.1, 2.0, 1.9, 1.8, 1.7, 1.6, 1.55),),
        "still going": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05, finished=False),),
        "no classifier": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05, classes=None),),
    }
    clean = {"learned": (run(2.1, 1.5, 0.9, 0.5, 0.3, 0.2),)}
