"""FIT006 stopped-while-improving."""

import dataclasses
import math

import numpy as np
import pytest

from tunewell.checks.fit.stopped_while_improving import stopped_while_improving
from tunewell.core.finding import SetKey
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, run_check, trace


def run(
    constants: float,
    *,
    evaluations: int = 10,
    floor: float = 0.2,
    scatter: float = 0.0,
    epochs: float = 4.0,
) -> Trace:
    """Loss falling from 2.5 towards a floor, over so many time constants and 120 steps."""
    rng = np.random.default_rng(0)

    def loss(step: int) -> float:
        return floor + (2.5 - floor) * math.exp(-constants * step / 120)

    logged = {step: loss(step) + rng.normal(0, 0.1) for step in range(2, 121, 2)}
    every = 120 // max(evaluations, 1)
    judged = {
        step: loss(step) + rng.normal(0, scatter)
        for step in range(every, 121, every)
        if evaluations
    }
    passes = {step: epochs * step / 120 for step in range(2, 121, 2)}
    return trace(loss=logged, eval_loss=judged, epoch=passes)


ENDING = {40: 2.2, 80: 2.05, 120: 1.9}


class TestStoppedWhileImproving(CheckCases):
    """Cut short, nearly level and level, by evaluations and by training loss."""

    check = stopped_while_improving
    faulty = {
        "one time constant": (run(1.0),),
        "one and a half": (run(1.5),),
        "three evaluations": (run(1.0, evaluations=3),),
        "two evaluations": (run(1.0, evaluations=2),),
        "one epoch without an evaluation": (run(1.0, evaluations=0, epochs=1.0),),
    }
    nearly = {
        "three time constants": (run(3.0),),
        "falls by less than its scatter": (run(1.2, scatter=0.3),),
        "the last evaluation is not the best": (
            trace(loss=[2.5] * 3 + [1.0] * 9, eval_loss={4: 2.0, 8: 1.2, 12: 1.25}),
        ),
        "a twentieth of the loss is not gained": (run(0.5, floor=2.0),),
        "every row of the last evaluation is right": (
            dataclasses.replace(
                trace(
                    loss=[2.0] * 12,
                    eval_loss={4: 1.2, 8: 0.7, 12: 0.4},
                    eval_accuracy={4: 0.8, 8: 0.99, 12: 1.0},
                ),
                classes=4,
            ),
        ),
        "still going": (dataclasses.replace(run(1.0), finished=False),),
        "rows seen four times, no evaluation": (run(1.0, evaluations=0),),
        "hardly anything learned": (
            trace(loss=[2.1, 2.08, 2.1, 2.09], eval_loss={2: 2.11, 3: 2.1, 4: 2.09}),
        ),
        "coming back from above the first loss": (
            trace(loss=[2.3] * 12, eval_loss={3: 2.9, 6: 2.7, 9: 2.6, 12: 2.1}),
        ),
        "rewards": (trace(loss=[0.3, 0.2, 0.1], reward=[0.1] * 3, eval_loss=[0.3, 0.2, 0.1]),),
        "evaluation rose while training loss fell": (
            trace(
                loss=list(np.linspace(2.5, 0.5, 12)), eval_loss={6: 1.0, 12: 1.2}, epoch=[1.0] * 12
            ),
        ),
    }
    clean = {
        "six time constants": (run(6.0),),
        "six, by training loss": (run(6.0, evaluations=0, epochs=1.0),),
        "too short": (trace(loss=[2.0, 1.0]),),
    }


def test_the_fix_doubles_what_set_the_length() -> None:
    """Epochs, or steps where the recipe counts steps."""
    for recipe, path, value in (
        (Recipe(num_train_epochs=1.0), "num_train_epochs", 2.0),
        (Recipe(max_steps=120), "max_steps", 240),
    ):
        (finding,) = run_check(stopped_while_improving, (run(1.0), recipe)).findings
        (edit,) = finding.fixes[0].edits
        assert isinstance(edit, SetKey)
        assert (edit.path, edit.new) == (path, value)


def test_the_message_gives_the_numbers() -> None:
    """Where it stood, where it ended, and the share."""
    told = trace(loss=[2.5] * 120, eval_loss=ENDING)
    (finding,) = run_check(stopped_while_improving, (told,)).findings
    assert "2.05 at step 80, 1.9 at the end, 25 % of all that was learned" in finding.message


@pytest.mark.parametrize("logs", range(10, 30))
def test_thirds_are_those_of_the_run_however_many_logs(logs: int) -> None:
    """Over five time constants nothing is left; the number of logs does not divide by three."""
    losses = {5 * n: 0.2 + 2.3 * math.exp(-5 * n / logs) for n in range(1, logs + 1)}
    passes = {step: step / (5 * logs) for step in losses}
    assert not run_check(stopped_while_improving, (trace(loss=losses, epoch=passes),)).findings
