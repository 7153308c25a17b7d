"""The document: what is written is read back, and the schema describes it."""

import json
from pathlib import Path

import msgspec
import pytest

from tunewell.core.document import Document, Outcome, schema
from tunewell.core.finding import Confidence, Finding, Number, Row, Severity

FULL = Document(
    command="check",
    verdict="One thing.",
    tunewell="0.1.0",
    findings=(
        Finding(
            message="2 rows",
            where=(Row(split="train", index=3, line=5),),
            evidence=(Number(name="share", value=float("nan"), unit="%"),),
            severity=Severity.ERROR,
            confidence=Confidence.MEDIUM,
            code="DAT004",
        ),
    ),
    passed=(Outcome(check="DAT005", name="x"),),
)


def test_round_trip(tmp_path: Path) -> None:
    FULL.save(tmp_path / "document.json")
    text = (tmp_path / "document.json").read_text(encoding="utf-8")
    again = Document.from_json(text)
    assert again.findings[0].where == FULL.findings[0].where
    assert again.to_json() + "\n" == text


def test_a_number_that_is_not_finite_is_null() -> None:
    raw = json.loads(FULL.to_json())
    assert raw["findings"][0]["evidence"][0]["value"] is None
    assert raw["schema"] == 1


def test_failing_needs_both_severity_and_confidence() -> None:
    assert FULL.fails(severity=Severity.ERROR, confidence=Confidence.MEDIUM)
    assert not FULL.fails(severity=Severity.ERROR, confidence=Confidence.HIGH)


def test_foreign_json_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Document.from_json('{"command": 3}')


def test_schema_names_every_kind_of_evidence() -> None:
    names = set(schema()["$defs"])
    assert {"Number", "Series", "Table", "Matrix", "Tokens", "Text", "Chart", "Proof"} <= names
