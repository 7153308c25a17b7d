"""HW040 evaluation-takes-the-time."""

from tests.checks.runs import run

from tunewell.checks.hardware.evaluation_takes_the_time import evaluation_takes_the_time
from tunewell.testing import CheckCases

STEPS = {"loss": [1.0] * 100}


class TestEvaluationTakesTheTime(CheckCases):
    """Ten evaluations."""

    check = evaluation_takes_the_time
    faulty = {
        "by the Trainer": run(
            {**STEPS, "eval_runtime": {10 * at: 540.0 for at in range(1, 11)}},
            summary={"train_runtime": 9000.0},
        ),
        "while it goes on, two sets": run(
            {
                **STEPS,
                "step_seconds": [6.0] * 100,
                "data_seconds": [0.1] * 100,
                "eval_a_runtime": {10 * at: 70.0 for at in range(1, 11)},
                "eval_b_runtime": {10 * at: 70.0 for at in range(1, 11)},
                "eval_a_samples_per_second": {10 * at: 1.0 for at in range(1, 11)},
                "eval_b_samples_per_second": {10 * at: 1.0 for at in range(1, 11)},
            },
            finished=False,
            max_steps=400,
        ),
    }
    nearly = {
        "seconds alone": run(
            {**STEPS, "eval_runtime": {10 * at: 5.4 for at in range(1, 11)}},
            summary={"train_runtime": 90.0},
        ),
        "a third": run(
            {**STEPS, "eval_runtime": {10 * at: 540.0 for at in range(1, 11)}},
            summary={"train_runtime": 16200.0},
        ),
        "twice": run(
            {**STEPS, "eval_runtime": {50: 4000.0, 100: 4000.0}},
            summary={"train_runtime": 9000.0},
        ),
    }
    clean = {
        "little": run(
            {**STEPS, "eval_runtime": {10 * at: 20.0 for at in range(1, 11)}},
            summary={"train_runtime": 9000.0},
        ),
        "not timed": run(STEPS),
    }
