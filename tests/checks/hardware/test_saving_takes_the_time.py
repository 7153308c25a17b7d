"""HW041 saving-takes-the-time."""

from tests.checks.runs import run

from tunewell.checks.hardware.saving_takes_the_time import saving_takes_the_time
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases


def saving(seconds: float, *, steps: float = 20.0) -> tuple[Trace]:
    """A hundred steps, and a checkpoint at every tenth."""
    return run(
        {
            "step_seconds": [steps] * 100,
            "data_seconds": [0.0] * 100,
            "saving_seconds": {10 * at: seconds for at in range(1, 11)},
        }
    )


class TestSavingTakesTheTime(CheckCases):
    """Ten checkpoints in 2,000 seconds of steps."""

    check = saving_takes_the_time
    faulty = {"two minutes each": saving(120.0)}
    nearly = {
        "half a minute": saving(30.0),
        "a short run": saving(0.12, steps=0.02),
        "twice": run({"step_seconds": [9.0] * 100, "saving_seconds": {50: 900.0, 100: 900.0}}),
    }
    clean = {"seconds": saving(2.0), "not timed": run({"loss": [1.0] * 9})}
