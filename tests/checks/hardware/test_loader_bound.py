"""HW002 loader-bound."""

from tunewell.checks.hardware.loader_bound import loader_bound
from tunewell.testing import CheckCases, trace


class TestLoaderBound(CheckCases):
    """Waiting beside working, in seconds a step."""

    check = loader_bound
    faulty = {
        "waits": (trace(step_seconds=[0.3] * 24, data_seconds=[0.4] * 24),),
        "four workers, one long wait in four": (
            trace(step_seconds=[0.3] * 24, data_seconds=[0.0, 0.0, 0.0, 2.0] * 6),
        ),
        "means of five logs": (
            trace(
                step_seconds=dict.fromkeys(range(10, 60, 10), 0.3),
                data_seconds=dict.fromkeys(range(10, 60, 10), 0.4),
            ),
        ),
    }
    nearly = {
        "the first batch alone": (
            trace(step_seconds=[0.3] * 24, data_seconds=[9.0] + [0.01] * 23),
        ),
        "one slow stretch": (
            trace(step_seconds=[0.3] * 80, data_seconds=[0.01] * 60 + [2.0] * 10 + [0.01] * 10),
        ),
        "what a loop takes between steps of a tiny model": (
            trace(step_seconds=[0.01] * 80, data_seconds=[0.004] * 40 + [0.012] * 40),
        ),
        "five steps": (trace(step_seconds=[0.3] * 6, data_seconds=[0.4] * 6),),
        "a quarter": (trace(step_seconds=[0.3] * 24, data_seconds=[0.1] * 24),),
        "not timed": (trace(loss=[1.0] * 24),),
    }
    clean = {"works": (trace(step_seconds=[0.3] * 24, data_seconds=[0.001] * 24),)}
