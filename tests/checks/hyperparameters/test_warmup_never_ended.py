"""HYP055 warmup-never-ended."""

import numpy as np
from tests.checks.curves import linear, run

from tunewell.checks.hyperparameters.warmup_never_ended import warmup_never_ended
from tunewell.testing import CheckCases, run_check

RISES = np.linspace(0, 4e-6, 100)


class TestWarmupNeverEnded(CheckCases):
    """A rate that rises to the end."""

    check = warmup_never_ended
    faulty = {
        "finished": (run(learning_rate=RISES),),
        "more than half of it": (run(learning_rate=RISES[:60], finished=False, max_steps=100),),
    }
    nearly = {
        "the first half": (run(learning_rate=RISES[:45], finished=False, max_steps=100),),
        "constant": (run(learning_rate=[1e-5] * 100),),
        "a warm-up to the last log but one": (run(learning_rate=[*RISES, 3.9e-6]),),
        "an unknown length": (run(learning_rate=RISES, finished=False),),
    }
    clean = {"linear": (run(learning_rate=linear()),), "few": (run(learning_rate=[0.0, 1.0]),)}


def test_what_was_reached_is_held_against_the_setting() -> None:
    made = run(learning_rate=RISES, settings={"learning_rate": 2e-5})
    (finding,) = run_check(warmup_never_ended, (made,)).findings
    assert "20 % of the 2e-05 that is set" in finding.message
