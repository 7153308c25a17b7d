"""FIT040 loss-spike."""

import numpy as np
from tests.checks.curves import falling, level, run

from tunewell.checks.fit.loss_spike import loss_spike
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

BACK = np.concatenate([level(150), 1 + 4 * np.exp(-np.arange(40) / 10), level(110, seed=1)])
LOST = np.concatenate([level(150), level(150, at=5.0, seed=1)])
NORMS = np.concatenate([level(149), level(41, at=8.0, seed=2), level(110, seed=3)])
HARD = level(300)
HARD[[50, 120, 121, 240]] = 9.0


class TestLossSpike(CheckCases):
    """What leaps up and stays a while, against single batches and heavy tails."""

    check = loss_spike
    faulty = {
        "back after some steps": (run(loss=BACK, grad_norm=NORMS),),
        "not back": (run(loss=LOST, grad_norm=np.concatenate([level(149), level(151, at=9.0)])),),
        "means of ten steps": (
            run(loss={10 * (at + 1): float(value) for at, value in enumerate(BACK[::3])}),
        ),
    }
    nearly = {
        "hard batches": (run(loss=HARD),),
        "a heavy tail": (run(loss=np.exp(1.5 * np.random.default_rng(0).normal(size=1000))),),
        "leaps that are nothing against the first loss": (
            run(loss=np.concatenate([falling(100, last=0.001), 0.001 * BACK])),
        ),
        "rewards": (run(loss=BACK, reward=level(300)),),
    }
    clean = {"falls": (run(loss=falling()),), "short": (run(loss=level(20)),)}


def severity(**columns: object) -> Severity | None:
    """How bad it is."""
    (finding,) = run_check(loss_spike, (run(**columns),)).findings  # type: ignore[arg-type]
    return finding.severity


def test_it_is_serious_by_what_it_cost_and_what_shows_that_the_model_was_shaken() -> None:
    assert severity(loss=BACK, grad_norm=NORMS) is Severity.WARNING
    assert severity(loss=BACK) is Severity.INFO
    assert severity(loss=LOST) is Severity.INFO
    assert severity(loss=BACK, grad_norm=level(300)) is Severity.INFO
    assert severity(loss=BACK, eval_loss={100: 1.0, 250: 1.4}) is Severity.WARNING
