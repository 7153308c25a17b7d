"""FIT048 steps-skipped."""

from tests.checks.curves import run

from tunewell.checks.fit.steps_skipped import steps_skipped
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

EVERY_FOURTH = [float(step % 4 == 0) for step in range(200)]
STUCK = [0.0] * 60 + [1.0] * 40


class TestStepsSkipped(CheckCases):
    """Skipped steps beyond the scaler's own search."""

    check = steps_skipped
    faulty = {
        "every fourth": (run(skipped=EVERY_FOURTH, loss_scale=[1024.0] * 200),),
        "each of the last": (run(skipped=STUCK),),
        "a scale below 1": (run(skipped=[1.0] * 12 + [0.0] * 88, loss_scale=[0.5] * 100),),
    }
    nearly = {
        "the search at the start": (run(skipped=[1.0] * 14 + [0.0] * 186, loss_scale=[4.0] * 200),),
        "once in 2,000": (
            run(
                skipped=[float(step % 2000 == 0) for step in range(6000)], loss_scale=[64.0] * 6000
            ),
        ),
        "a small scale by choice": (run(skipped=[0.0] * 100, loss_scale=[0.5] * 100),),
    }
    clean = {"none": (run(skipped=[0.0] * 100),), "no half precision": (run(loss=[1.0] * 9),)}


def test_a_run_that_stands_still_is_an_error() -> None:
    assert run_check(steps_skipped, (run(skipped=STUCK),)).findings[0].severity is Severity.ERROR
