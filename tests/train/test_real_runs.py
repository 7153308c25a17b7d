"""Every check on real runs, made by benchmarks/make_runs.py and benchmarks/make_varied_runs.py."""

import json
from pathlib import Path

import pytest

from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.readers.logs import read_run

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
DECLARED = json.loads((RUNS / "declared.json").read_text(encoding="utf-8"))
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
PLANTED = {name: run["expected"] for name, run in DECLARED.items() if run.get("expected")}
MISSED: dict[str, str] = {}
"""Planted faults that no run check finds, and why: fewer is better."""


def said(kind: str, name: str) -> list[Finding]:
    """What is said of a run."""
    outcomes = examine([part for part in read_run(RUNS / kind / name) if part is not None])
    assert not outcomes.broken
    return outcomes.findings


def runs(kind: str) -> list[str]:
    """The runs of a folder."""
    return sorted(path.name for path in (RUNS / kind).iterdir())


@pytest.mark.parametrize("name", runs("healthy"))
def test_nothing_is_said_of_a_healthy_run(name: str) -> None:
    """No error and no warning; information is allowed."""
    assert not [f.message for f in said("healthy", name) if f.severity is not Severity.INFO]


@pytest.mark.parametrize("name", runs("undecided"))
def test_an_undecided_run_is_at_most_called_unfinished(name: str) -> None:
    """It reached the score and was still improving: only FIT006 may say so."""
    serious = [f.code for f in said("undecided", name) if f.severity is not Severity.INFO]
    assert set(serious) <= {"FIT006"}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_fault_comes_first(name: str) -> None:
    """The first finding of a faulty run names its fault."""
    assert said("faulty", name)[0].code == FAULTS[name]


@pytest.mark.parametrize("name", sorted(PLANTED.keys() - MISSED.keys()))
def test_a_planted_fault_is_found(name: str) -> None:
    """The first finding is one of those that were expected before any check saw the run.

    Or it names the cause that one of them follows from.
    """
    first = said("faulty", name)[0]
    follow = {found.code for found in said("faulty", name) if found.because_of == first.code}
    assert {first.code, *follow} & set(PLANTED[name])


def test_the_register_names_every_run_that_was_declared() -> None:
    """No run was left out after the checks had seen it."""
    assert all((RUNS / run["verdict"] / name).is_dir() for name, run in DECLARED.items())


def test_nothing_of_the_machine_is_kept() -> None:
    """No absolute path in any log."""
    for path in RUNS.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        assert '"/' not in text, path
        assert "/tmp/" not in text, path  # noqa: S108  the very thing that is looked for


def test_the_trainers_own_file_gives_the_same_verdict() -> None:
    """NaN is found in trainer_state.json too, without the watcher's columns."""
    trace, _ = read_run(RUNS / "faulty" / "nan-at-step-40" / "trainer_state.json")
    assert examine([trace]).findings[0].code == "FIT004"
