"""O31: what seeds do, taken for progress. Real trainings of a tiny classifier."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest
from tests.planted.caused import Setup, train

from tunewell.api.compare import compare_paths
from tunewell.core.document import Document
from tunewell.core.finding import Severity

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="needs the training extra"
    ),
    pytest.mark.slow,
]

BASE = Setup(classes=3, rows=96, steps=30, rate=4e-3, batch=8, warm_up=3)
"""So short that the seed decides how far it gets."""


def trained(folder: Path, setup: Setup, seeds: range) -> list[Path]:
    """The logs of one configuration with several seeds."""
    return [train(dataclasses.replace(setup, seed=seed), folder / f"seed-{seed}") for seed in seeds]


def codes(document: Document) -> list[tuple[str, Severity | None]]:
    """What is found, with its severity."""
    return [(finding.code, finding.severity) for finding in document.findings]


@pytest.mark.reproduces("O31")
def test_what_seeds_do_is_not_taken_for_progress(tmp_path: Path) -> None:
    """A change of nothing (the epsilon of Adam, 1e-8 to 2e-8), with four seeds and with one."""
    base = trained(tmp_path / "base", BASE, range(4))
    alone = compare_paths(base, metric="loss")
    assert codes(alone) == [("MET050", Severity.INFO)]
    assert "is no progress" in alone.verdict

    same = dataclasses.replace(BASE, settings={"adam_epsilon": 2e-8})
    others = trained(tmp_path / "same", same, range(10, 14))
    document = compare_paths([*base, *others], metric="eval_loss")
    assert codes(document) == [("MET050", Severity.WARNING)]
    assert document.verdict.startswith("No difference is shown")

    single = compare_paths([*base, others[0]], metric="eval_loss")
    assert codes(single) == [("MET050", Severity.WARNING)]


@pytest.mark.reproduces("O31")
def test_a_true_gain_is_shown(tmp_path: Path) -> None:
    """Three times the steps, with four seeds each: better by the exact test, and no finding."""
    base = trained(tmp_path / "base", BASE, range(4))
    longer = trained(tmp_path / "longer", dataclasses.replace(BASE, steps=90), range(4))
    document = compare_paths([*base, *longer], metric="eval_loss")
    assert not document.findings
    assert document.verdict.startswith("B is better than A: eval_loss")
    assert document.facts["difference of B"]["exact"]
