"""The engine: outcomes, selection, thresholds, suppression, order."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from tunewell.core.errors import SettingsError
from tunewell.core.finding import Confidence, Finding, Severity
from tunewell.engine import registry
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings, Suppression, load
from tunewell.testing import dataset

BLANK = dataset(["hello there", "", "good bye"], ["a", "b", "a"])


def only(**changes: object) -> Settings:
    return Settings(select=("DAT004",), **changes)  # type: ignore[arg-type]


def test_a_fault_is_found_with_everything_a_reader_needs() -> None:
    (finding,) = examine([BLANK], settings=only()).findings
    assert finding.code == "DAT004"
    assert finding.name == "empty-text"
    assert finding.severity is Severity.ERROR
    assert finding.confidence is Confidence.HIGH
    assert finding.where_total == 1
    assert finding.fingerprint
    assert finding.url.endswith("empty-text.md")


def test_a_missing_subject_is_not_run_and_says_what_to_pass() -> None:
    (outcome,) = examine([], settings=only()).not_run
    assert "--train" in outcome.reason


def test_a_named_but_unreadable_subject_gives_its_own_reason() -> None:
    outcomes = examine([], settings=only(), missing={"Dataset": "train.csv is an LFS pointer"})
    assert outcomes.not_run[0].reason == "train.csv is an LFS pointer"


def test_selection_by_code_prefix_name_family_and_category() -> None:
    for selector in ("DAT004", "dat004", "DAT00", "empty-text", "empty_text", "data"):
        found = examine([BLANK], settings=Settings(select=(selector,))).findings
        assert "DAT004" in {finding.code for finding in found}, selector


def test_ignoring_keeps_the_reason() -> None:
    outcomes = examine([BLANK], settings=only(ignore={"DAT004": "blank rows are an intent here"}))
    assert not outcomes.findings
    assert outcomes.not_run[0].reason == "ignored: blank rows are an intent here"


def test_a_threshold_can_be_set_and_is_converted() -> None:
    assert not examine([BLANK], settings=only(checks={"DAT004": {"max_rows": 1}})).findings
    with pytest.raises(SettingsError, match=r"DAT004\.max_rows"):
        examine([BLANK], settings=only(checks={"DAT004": {"max_rows": "many"}}))


def test_an_unknown_option_or_check_is_named() -> None:
    with pytest.raises(SettingsError, match="max_rows"):
        examine([BLANK], settings=only(checks={"DAT004": {"max_row": 1}}))
    with pytest.raises(SettingsError, match="empty-text"):
        examine([BLANK], settings=Settings(select=("emty-text",)))


def test_severity_can_be_changed() -> None:
    outcomes = examine([BLANK], settings=only(severity={"DAT004": Severity.INFO}))
    assert outcomes.findings[0].severity is Severity.INFO


def test_a_suppression_needs_its_place_and_its_date() -> None:
    today = dt.date(2026, 1, 1)

    def found(**changes: object) -> int:
        rule = Suppression(check="DAT004", reason="known", **changes)  # type: ignore[arg-type]
        outcomes = examine([BLANK], settings=only(suppress=(rule,)), today=today)
        assert len(outcomes.findings) + len(outcomes.suppressed) == 1
        return len(outcomes.findings)

    assert found() == 0
    assert found(where="train*") == 0
    assert found(where="eval*") == 1
    assert found(until=dt.date(2026, 1, 1)) == 0
    assert found(until=dt.date(2025, 12, 31)) == 1


def test_the_fingerprint_survives_moved_lines() -> None:
    moved = dataset(["hello there", "", "good bye"], ["a", "b", "a"])
    moved = dataclasses.replace(moved, train=dataclasses.replace(moved.train, lines=(5, 6, 7)))
    first = examine([BLANK], settings=only()).findings[0].fingerprint
    second = examine([moved], settings=only()).findings[0].fingerprint
    assert first == second


def test_a_check_that_fails_is_broken_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:

    from tunewell.core.check import REGISTRY

    def explode(*_: object, **__: object) -> list[Finding]:
        message = "no"
        raise RuntimeError(message)

    registry.load()
    broken = dataclasses.replace(REGISTRY["DAT004"], run=explode)
    monkeypatch.setattr(registry, "load", lambda: (broken,))
    outcomes = examine([BLANK])
    assert not outcomes.findings
    assert "RuntimeError: no" in outcomes.broken[0].reason


def test_settings_are_read_from_toml(tmp_path: Path) -> None:
    (tmp_path / "tunewell.toml").write_text(
        'ignore = { DAT004 = "kept on purpose" }\n[data]\ntrain = "a.csv"\n', encoding="utf-8"
    )
    settings = load(tmp_path)
    assert settings.data.train == "a.csv"
    assert settings.ignore == {"DAT004": "kept on purpose"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("select = [", "not valid TOML"),
        ("selct = []", "selct"),
        ('ignore = { DAT004 = "" }', "needs a reason"),
        ("pedantic = 3", "pedantic"),
    ],
)
def test_wrong_settings_are_one_sentence(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "tunewell.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=part) as caught:
        load(tmp_path)
    assert "tunewell.toml" in str(caught.value)


def test_pyproject_is_read_where_there_is_no_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tunewell]\npedantic = true\n", encoding="utf-8")
    assert load(tmp_path).pedantic
