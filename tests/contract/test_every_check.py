"""What holds for every check in the registry."""

import inspect
import json
import re
from pathlib import Path

import pytest

from tunewell.core.check import Check
from tunewell.engine import registry

ROOT = Path(__file__).parents[2]
HEADINGS = (
    "What it finds",
    "Why it matters",
    "How it is measured",
    "Example",
    "Fix",
    "When it is wrong",
    "Sources",
)
LONGEST_FILE = 260
CATALOGUE = {
    json.loads(line)["id"]
    for line in (ROOT / "clinic" / "faults.jsonl").read_text(encoding="utf-8").splitlines()
}

every_check = pytest.mark.parametrize("check", registry.load(), ids=lambda check: check.name)


@every_check
def test_page_has_every_heading_in_order(check: Check) -> None:
    assert re.findall(r"^## (.+)$", check.doc, re.MULTILINE) == list(HEADINGS)


@every_check
def test_summary_is_one_sentence(check: Check) -> None:
    assert check.summary.endswith(".")
    assert len(check.summary) <= 100


@every_check
def test_file_and_family_follow_from_the_name(check: Check) -> None:
    file = Path(inspect.getfile(check.run))
    assert file.stem == check.name.replace("-", "_")
    assert file.parent.name == check.family
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_check
def test_has_a_test_of_its_own(check: Check) -> None:
    test = ROOT / "tests" / "checks" / check.family / f"test_{check.name.replace('-', '_')}.py"
    assert test.is_file()
    assert "CheckCases" in test.read_text(encoding="utf-8")


@every_check
def test_every_threshold_is_on_the_page(check: Check) -> None:
    for option in check.options:
        assert f"`{option.name}`" in check.doc, f"the page does not explain {option.name}"


@every_check
def test_covers_known_faults(check: Check) -> None:
    assert set(check.covers) <= CATALOGUE


def test_every_family_has_two_checks() -> None:
    families = [check.family for check in registry.load()]
    assert all(families.count(family) >= 2 for family in set(families))
    assert set(families) == {
        "data",
        "fit",
        "hyperparameters",
        "hardware",
        "metrics",
        "errors",
        "adaptation",
    }
