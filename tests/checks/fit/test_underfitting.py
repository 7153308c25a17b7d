"""FIT002 underfitting."""

import dataclasses

from tunewell.checks.fit.underfitting import underfitting
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, trace


def run(*losses: float, classes: int | None = 8, finished: bool = True) -> Trace:
    """A classifier's run."""
    return dataclasses.replace(trace(loss=losses), classes=classes, finished=finished)


def judged(*evaluations: float, late: float) -> Trace:
    """Two classes whose batches cost nothing or much, with evaluations; ln 2 is 0.693."""
    losses = [0.7] * 6 + [0.0, 2 * late, 0.0, 2 * late, 0.0, 0.01]
    made = trace(loss=losses, eval_loss=evaluations)
    return dataclasses.replace(made, classes=2)


class TestUnderfitting(CheckCases):
    """ln 8 is 2.08."""

    check = underfitting
    faulty = {
        "hardly moved": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05),),
        "batches of one class that cost nothing": (judged(0.73, 1.44, 0.76, late=0.9),),
    }
    nearly = {
        "learned by heart": (judged(0.73, 1.44, 0.76, late=0.1),),
        "one evaluation below guessing": (judged(0.73, 0.65, 0.76, late=0.9),),
        "one evaluation": (judged(0.9, late=0.9),),
        "learned a quarter": (run(2.1, 2.0, 1.9, 1.8, 1.7, 1.6, 1.55),),
        "still going": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05, finished=False),),
        "no classifier": (run(2.1, 2.08, 2.09, 2.07, 2.06, 2.05, classes=None),),
    }
    clean = {"learned": (run(2.1, 1.5, 0.9, 0.5, 0.3, 0.2),)}
