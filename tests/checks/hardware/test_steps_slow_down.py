"""HW045 steps-slow-down."""

import numpy as np
from tests.checks.runs import line, noisy, run

from tunewell.checks.hardware.steps_slow_down import steps_slow_down
from tunewell.testing import CheckCases

COMPILED = [30.0] + [0.4] * 99
BUSY = [float(v) for v in 0.4 + np.random.default_rng(0).exponential(0.1, 100) * line(0, 6, 100)]


class TestStepsSlowDown(CheckCases):
    """A hundred steps."""

    check = steps_slow_down
    faulty = {"all the way": run({"step_seconds": noisy(line(0.4, 0.8, 100), 0.05)})}
    nearly = {
        "compiled first": run({"step_seconds": COMPILED}),
        "other programs": run({"step_seconds": BUSY}),
        "one jump": run({"step_seconds": [0.4] * 50 + [0.8] * 50}),
        "longer rows": run(
            {
                "step_seconds": noisy(line(0.4, 0.8, 100), 0.02),
                "trained_tokens": line(4000, 8000, 100),
            }
        ),
        "longer answers": run({"step_seconds": line(0.4, 0.8, 100), "reward": [0.5] * 100}),
        "a little": run({"step_seconds": noisy(line(0.4, 0.45, 100), 0.02)}),
    }
    clean = {
        "even": run({"step_seconds": noisy([0.4] * 100, 0.2)}),
        "not timed": run({"loss": [1.0] * 50}),
    }
