"""ADA032 rows-seen-again-after-resume."""

from typing import Any

import numpy as np
from tests.checks.runs import resumed

from tunewell.checks.adaptation.rows_seen_again_after_resume import rows_seen_again_after_resume
from tunewell.testing import CheckCases

LENGTH = 20


def order(seed: int = 0) -> list[float]:
    """The marks of forty batches of two epochs, none like another."""
    return [float(value) for value in np.random.default_rng(seed).permutation(10**6)[:40]]


def marked(marks: list[float], first: int, last: int, skip: int = 0) -> dict[str, dict[int, float]]:
    """Steps of an order, taken so many places later, with their epochs."""
    steps = range(first, last + 1)
    return {
        "batch_mark": {step: marks[step - 1 - skip] for step in steps},
        "epoch": {step: step / LENGTH for step in steps if step % 2 == 0},
    }


def again(stop: int, at: int, after: Any, **settings: Any) -> Any:  # noqa: ANN401
    """Stopped at a step and resumed at another."""
    return resumed(marked(order(), 1, stop), after, at=at, settings=settings, previous={"seed": 0})


class TestRowsSeenAgainAfterResume(CheckCases):
    """Epochs of twenty steps."""

    check = rows_seen_again_after_resume
    faulty = {
        "the epoch began again": again(12, 12, marked(order(), 13, 40, skip=12)),
        "in the second epoch": again(30, 30, marked(order(), 31, 40, skip=10)),
        "other rows where trained twice": again(16, 8, marked(order(1), 9, 40)),
    }
    nearly = {
        "trained twice": again(16, 8, marked(order(), 9, 40)),
        "another seed was set": again(16, 8, marked(order(1), 9, 40), seed=3),
        "at the border of an epoch": again(20, 20, marked(order(), 21, 40)),
        "few rows": resumed(marked([1.0, 2.0] * 20, 1, 12), marked([1.0, 2.0] * 20, 13, 40), at=12),
        "not marked": resumed({"loss": {5: 1.0}}, {"loss": {10: 1.0}}, at=5),
    }
    clean = {"went on": again(12, 12, marked(order(), 13, 40))}
