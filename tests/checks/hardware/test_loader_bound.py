"""HW002 loader-bound."""

from tunewell.checks.hardware.loader_bound import loader_bound
from tunewell.testing import CheckCases, trace


class TestLoaderBound(CheckCases):
    """Waiting beside working, in seconds a step."""

    check = loader_bound
    faulty = {"waits": (trace(step_seconds=[0.3] * 8, data_seconds=[0.4] * 8),)}
    nearly = {
        "the first batch alone": (trace(step_seconds=[0.3] * 8, data_seconds=[9.0] + [0.01] * 7),),
        "a quarter": (trace(step_seconds=[0.3] * 8, data_seconds=[0.1] * 8),),
        "not timed": (trace(loss=[1.0] * 8),),
    }
    clean = {"works": (trace(step_seconds=[0.3] * 8, data_seconds=[0.001] * 8),)}
