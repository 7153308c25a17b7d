"""Every check and the ranking of causes over the corpus that benchmarks/make_corpus.py trained."""

import json
from pathlib import Path
from typing import Any

import pytest

from tunewell.core.finding import Severity
from tunewell.engine.examine import Outcomes, examine
from tunewell.readers.logs import read_run

CORPUS = Path(__file__).parents[1] / "fixtures" / "runs" / "corpus"
REGISTER: dict[str, dict[str, Any]] = json.loads(
    (CORPUS / "corpus.json").read_text(encoding="utf-8")
)
BY_NAME = {
    "vanishing": {"gradients-vanish", "part-not-moving"},
    "memory": {"memory-creeps-up"},
    "frozen": {"part-not-moving", "step-one-proof"},
    "short": {"stopped-while-improving", "underfitting"},
    "warm-up": {"warmup-never-ended"},
}
"""Planted faults without a number in the catalogue, and the checks that find them."""

MISSED: dict[str, str] = {
    "llama-rate-jumps": "a rate of 0.3 after a long warm-up: the loss falls, though only to what "
    "the words' frequencies give, and nothing in the log says that it could fall further",
}
"""Planted faults that no check finds, and why: fewer is better."""

OTHER_CAUSE: dict[str, str] = {}
"""Planted faults that are found while another cause is named first, and why."""

LEAST_HEALTHY = 40
MOST_WARNED = 1 / 20


def runs(verdict: str) -> list[str]:
    """The runs that were declared so."""
    return sorted(name for name, run in REGISTER.items() if run["verdict"] == verdict)


def outcomes(name: str) -> Outcomes:
    """What is said of a run of the corpus."""
    return of_folder(CORPUS / REGISTER[name]["verdict"] / name)


def of_folder(folder: Path) -> Outcomes:
    """What is said of a run."""
    found = examine([part for part in read_run(folder) if part is not None])
    assert not found.broken
    return found


def serious(found: Outcomes) -> list[str]:
    """The findings that are more than information."""
    said = [f for f in found.findings if f.severity is not Severity.INFO]
    return [f"{finding.code} {finding.message}" for finding in said]


@pytest.mark.parametrize("name", runs("healthy"))
def test_no_error_is_said_of_a_healthy_run(name: str) -> None:
    """Nor a cause that is more than a guess."""
    found = outcomes(name)
    assert not [f.message for f in found.findings if f.severity is Severity.ERROR]


def test_at_most_one_healthy_run_in_twenty_is_warned_of() -> None:
    """Over all healthy runs: of this corpus, those declared earlier, and those of TRL."""
    folders = [
        *(CORPUS / "healthy" / name for name in runs("healthy")),
        *(CORPUS.parent / "healthy").iterdir(),
        *(CORPUS.parent / "trl" / "healthy").iterdir(),
    ]
    found = {folder.name: of_folder(folder) for folder in folders}
    warned = {name: said for name, outcome in found.items() if (said := serious(outcome))}
    assert len(folders) >= LEAST_HEALTHY
    assert len(warned) <= MOST_WARNED * len(folders), warned


@pytest.mark.parametrize("name", sorted(set(runs("faulty")) - MISSED.keys()))
def test_the_planted_fault_is_found(name: str) -> None:
    """By a check that covers it."""
    assert _finds(name, outcomes(name))


@pytest.mark.parametrize("name", sorted(set(runs("faulty")) - MISSED.keys() - OTHER_CAUSE.keys()))
def test_the_right_cause_comes_first(name: str) -> None:
    """The first cause is the planted one; where none is named, the first finding is."""
    found = outcomes(name)
    if found.causes:
        assert found.causes[0].id in REGISTER[name]["causes"]
    else:
        first = Outcomes(findings=found.findings[:1])
        assert _finds(name, first)


def test_nothing_of_the_machine_is_kept() -> None:
    """No absolute path in any log."""
    for path in CORPUS.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        assert '"/' not in text, path
        assert "/tmp/" not in text, path  # noqa: S108  the very thing that is looked for


def _finds(name: str, found: Outcomes) -> bool:
    """Whether a finding is about what was planted."""
    faults = set(REGISTER[name]["faults"])
    names = set().union(*(BY_NAME.get(fault, set()) for fault in faults))
    return any(faults & set(f.covers) or f.name in names for f in found.findings)
