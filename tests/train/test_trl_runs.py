"""Every check on the logs of real TRL runs, made by benchmarks/make_trl_runs.py."""

import json
from pathlib import Path

import pytest
from tests.checks.runs_of_trl import RUNS, run, until

from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.subjects.trace import Trace

DECLARED = json.loads((RUNS / "declared.json").read_text(encoding="utf-8"))
PLANTED = DECLARED["planted"]
SEEN_BEFORE_ITS_CAUSE = {
    "grpo-collapsed": "no answer ends any more: FIT076 says so first",
    "grpo-destroyed": "the same",
    "grpo-hacked": "the same",
    "grpo-hacked-evaluated": "the same",
}
"""Runs of which something else is said first that is as true, and why."""


def said(trace: Trace) -> list[Finding]:
    """What is said of a run."""
    outcomes = examine([trace])
    assert not outcomes.broken
    return outcomes.findings


def loud(trace: Trace) -> list[str]:
    """What is said of a run besides information."""
    return [f"{f.code} {f.message}" for f in said(trace) if f.severity is not Severity.INFO]


@pytest.mark.parametrize("name", DECLARED["healthy"])
def test_nothing_is_said_of_a_healthy_run_at_its_end_or_before(name: str) -> None:
    """No error and no warning; information is allowed."""
    whole = run(f"healthy/{name}")
    assert not loud(whole)
    for eighth in range(1, 8):
        assert not loud(until(whole, whole.last_step * eighth // 8)), eighth


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_the_fault_is_found(name: str) -> None:
    """The code that was declared is among the findings, and first but for those named above."""
    codes = [finding.code for finding in said(run(f"faulty/{name}"))]
    assert PLANTED[name] in codes
    assert codes[0] == PLANTED[name] or name in SEEN_BEFORE_ITS_CAUSE


def test_the_register_and_the_folders_name_the_same_runs() -> None:
    def names(kind: str) -> set[str]:
        return {path.name for path in (RUNS / kind).iterdir()}

    assert names("healthy") == set(DECLARED["healthy"])
    assert names("faulty") == set(PLANTED)


def test_files_are_small_and_hold_nothing_of_the_machine() -> None:
    for path in Path(RUNS).rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert len(text) < 40_000, path
        assert '"/' not in text, path
