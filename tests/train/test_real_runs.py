"""Every check on real runs, made by benchmarks/make_runs.py."""

from pathlib import Path

import pytest

from tunewell.core.finding import Severity
from tunewell.engine.examine import examine
from tunewell.readers.logs import read_run

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
FAULTS = {
    "encoder-detached": "FIT005",
    "head-not-in-optimizer": "FIT005",
    "nan-at-step-40": "FIT004",
    "overfitted-last-kept": "FIT001",
    "rate-100-times-too-high": "FIT003",
    "rate-1000-times-too-low": "FIT002",
    "too-few-steps-accumulated": "FIT002",
    "too-few-steps-batch-32": "FIT002",
    "too-few-steps-two-classes": "FIT002",
    "too-few-steps-two-evaluations-an-epoch": "FIT002",
}
HEALTHY = sorted(path.name for path in (RUNS / "healthy").iterdir())


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of_a_healthy_run(name: str) -> None:
    """No error and no warning; information is allowed."""
    outcomes = examine([part for part in read_run(RUNS / "healthy" / name) if part is not None])
    assert not outcomes.broken
    assert not [f.message for f in outcomes.findings if f.severity is not Severity.INFO]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_fault_comes_first(name: str) -> None:
    """The first finding of a faulty run names its fault."""
    outcomes = examine([part for part in read_run(RUNS / "faulty" / name) if part is not None])
    assert not outcomes.broken
    assert outcomes.findings[0].code == FAULTS[name]


def test_the_trainers_own_file_gives_the_same_verdict() -> None:
    """NaN is found in trainer_state.json too, without the watcher's columns."""
    trace, _ = read_run(RUNS / "faulty" / "nan-at-step-40" / "trainer_state.json")
    assert examine([trace]).findings[0].code == "FIT004"
