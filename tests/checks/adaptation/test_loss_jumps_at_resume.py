"""ADA033 loss-jumps-at-resume."""

from tests.checks.runs import line, noisy, resumed

from tunewell.checks.adaptation.loss_jumps_at_resume import loss_jumps_at_resume
from tunewell.testing import CheckCases

Losses = dict[str, dict[int, float]]


def losses(values: list[float], first: int = 1, scatter: float = 0.05, seed: int = 0) -> Losses:
    """The values at every step from the first."""
    return {"loss": dict(enumerate(noisy(values, scatter, seed), start=first))}


BEFORE = line(1.0, 0.4, 40)


class TestLossJumpsAtResume(CheckCases):
    """Forty losses before the restart."""

    check = loss_jumps_at_resume
    faulty = {
        "twice as high": resumed(losses(BEFORE), losses([0.8] * 20, 41, seed=1), at=40),
        "trained twice": resumed(losses(BEFORE), losses(line(0.9, 0.7, 20), 31, seed=1), at=30),
    }
    nearly = {
        "scatter": resumed(
            losses(BEFORE, scatter=0.4), losses([0.45] * 20, 41, scatter=0.4, seed=1), at=40
        ),
        "one hard batch": resumed(losses(BEFORE), losses([2.0] + [0.4] * 19, 41, seed=1), at=40),
        "a little": resumed(losses(BEFORE), losses([0.43] * 20, 41, seed=1), at=40),
        "another batch": resumed(
            losses(BEFORE), losses([0.8] * 20, 41, seed=1), at=40,
            settings={"gradient_accumulation_steps": 2},
            previous={"gradient_accumulation_steps": 1},
        ),
        "too few": resumed(losses(BEFORE), losses([0.8] * 3, 41), at=40),
    }  # fmt: skip
    clean = {"went on": resumed(losses(BEFORE), losses(line(0.4, 0.3, 20), 41, seed=1), at=40)}
