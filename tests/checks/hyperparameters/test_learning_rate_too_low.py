"""HYP050 learning-rate-too-low."""

import numpy as np
from tests.checks.curves import falling, level, linear, run, scatter, with_layers

from tunewell.checks.hyperparameters.learning_rate_too_low import learning_rate_too_low
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

STRAIGHT = np.linspace(2.08, 1.95, 120) + scatter(120, 0.01)
RATES = linear(120, rate=1e-6, warmup=0)
BY_RATE = 2.08 - 0.13 * np.cumsum(RATES) / RATES.sum() + scatter(120, 0.01)
SLOWLY = {10: 1e-5, 60: 1e-5, 110: 1e-5}


class TestLearningRateTooLow(CheckCases):
    """A straight line with weights that hardly move."""

    check = learning_rate_too_low
    faulty = {
        "a straight line": (run(loss=STRAIGHT),),
        "straight over the sum of rates": (
            with_layers(run(loss=BY_RATE, learning_rate=RATES), update__head=SLOWLY),
        ),
    }
    nearly = {
        "a curve": (run(loss=falling(120, first=2.0, last=1.6)),),
        "a straight and long way": (run(loss=np.linspace(2.0, 0.5, 120) + scatter(120, 0.01)),),
        "weights that move": (
            with_layers(run(loss=STRAIGHT), update__head={10: 1e-2, 60: 1e-2, 110: 1e-2}),
        ),
        "while it goes on": (run(loss=STRAIGHT, finished=False),),
        "a level": (run(loss=level(120)),),
        "rewards": (run(loss=STRAIGHT, reward=STRAIGHT),),
    }
    clean = {"falls": (run(loss=falling()),), "short": (run(loss=STRAIGHT[:20]),)}


def test_without_samples_it_is_information() -> None:
    found = [
        run_check(learning_rate_too_low, (*subjects, Recipe(learning_rate=1e-6))).findings[0]
        for subjects in TestLearningRateTooLow.faulty.values()
    ]
    assert [finding.severity for finding in found] == [Severity.INFO, Severity.WARNING]
    assert found[0].fixes[0].edits[0].new == 3e-6  # type: ignore[union-attr]
