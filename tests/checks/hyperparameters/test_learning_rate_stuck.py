"""HYP052 learning-rate-stuck."""

from tests.checks.curves import linear, run

from tunewell.checks.hyperparameters.learning_rate_stuck import learning_rate_stuck
from tunewell.testing import CheckCases, run_check

DECAYS = {"lr_scheduler_type": "linear", "warmup_steps": 5}
CONSTANT = {"lr_scheduler_type": "constant"}
STILL = [2e-5] * 60


class TestLearningRateStuck(CheckCases):
    """A rate of 0, or one that its schedule should have moved."""

    check = learning_rate_stuck
    faulty = {
        "zero": (run(learning_rate=[0.0] * 40),),
        "still": (run(learning_rate=STILL, settings=DECAYS, max_steps=100),),
    }
    nearly = {
        "constant by choice": (run(learning_rate=STILL, settings=CONSTANT, max_steps=100),),
        "the schedule is unknown": (run(learning_rate=STILL, max_steps=100),),
        "a schedule with arguments": (
            run(
                learning_rate=STILL,
                settings={**DECAYS, "lr_scheduler_kwargs": {"num_cycles": 2}},
                max_steps=100,
            ),
        ),
        "hardly due": (
            run(
                learning_rate=STILL,
                settings={"lr_scheduler_type": "linear"},
                max_steps=100_000,
            ),
        ),
        "a first log of 0": (run(learning_rate=linear(60)),),
    }
    clean = {"linear": (run(learning_rate=linear()),), "few": (run(learning_rate=[0.0] * 10),)}


def test_skipped_steps_are_named_as_the_reason() -> None:
    made = run(learning_rate=STILL, settings=DECAYS, max_steps=100, skipped=[1.0] * 60)
    (finding,) = run_check(learning_rate_stuck, (made,)).findings
    assert "every step is skipped" in finding.message
