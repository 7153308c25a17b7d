"""HYP053 schedule-ended-early."""

import numpy as np
from tests.checks.curves import cosine, linear, run

from tunewell.checks.hyperparameters.schedule_ended_early import schedule_ended_early
from tunewell.testing import CheckCases, run_check

EARLY = np.concatenate([linear(50), np.zeros(150)])


class TestScheduleEndedEarly(CheckCases):
    """A rate that is 0 for long, against restarts and floors."""

    check = schedule_ended_early
    faulty = {
        "a quarter of the run": (run(learning_rate=EARLY),),
        "while it goes on": (run(learning_rate=EARLY[:80], finished=False, max_steps=200),),
        "a log every ten steps": (
            run(learning_rate={10 * (at + 1): rate for at, rate in enumerate(EARLY[::10])}),
        ),
    }
    nearly = {
        "the last tenth": (run(learning_rate=np.concatenate([linear(92), np.zeros(8)])),),
        "a floor": (run(learning_rate=np.maximum(EARLY, 1e-5)),),
        "restarts": (run(learning_rate=np.tile(cosine(50), 4)),),
        "an unknown length": (run(learning_rate=EARLY[:80], finished=False),),
        "zero throughout": (run(learning_rate=np.zeros(100)),),
    }
    clean = {"linear": (run(learning_rate=linear()),), "none": (run(loss=[1.0] * 9),)}


def test_the_pace_is_named() -> None:
    (finding,) = run_check(schedule_ended_early, (run(learning_rate=EARLY),)).findings
    assert "advanced 4 times a step" in finding.message
