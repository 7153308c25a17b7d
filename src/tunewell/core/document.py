"""The document: all outcomes of one call, and the only thing a renderer sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tunewell.core.finding import Confidence, Evidence, Finding, Record, Severity
from tunewell.core.mask import mask_all
from tunewell.core.proof import Proof

SCHEMA = 1


class Outcome(Record, frozen=True):
    """A check that found nothing, with the reason where it did not look."""

    check: str
    name: str
    reason: str = ""


class Examined(Record, frozen=True):
    """One thing that was looked at, what it was taken for and why."""

    what: str
    path: str
    reason: str


class Section(Record, frozen=True):
    """A part of the report besides findings: curves, a confusion matrix, a table of changes."""

    id: str
    title: str
    text: str = ""
    evidence: tuple[Evidence, ...] = ()


class Cause(Record, frozen=True):
    """What lies behind several findings, with what speaks for it.

    `explains` has the codes of the findings that follow from it, the one that names it first.
    `root` is that one's code, "" where no finding names the cause and the run's own facts speak for
    it. `fix` says what mends it, and `would_refute` is an experiment whose outcome would show
    another cause. `not_checked` says what could not be looked at, and why. `rivals` are the ids of
    causes in the same document that the evidence cannot tell from this one.
    """

    id: str
    title: str
    confidence: Confidence
    explains: tuple[str, ...] = ()
    root: str = ""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    fix: str = ""
    would_refute: str = ""
    not_checked: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()


class Document(Record, frozen=True):
    """What one command found, as versioned data.

    `verdict` is one sentence. `causes` names what lies behind the findings of a run, the likeliest
    first. `facts` holds small measured values by name, for scripts.
    """

    command: str
    verdict: str
    tunewell: str
    schema: int = SCHEMA
    title: str = ""
    causes: tuple[Cause, ...] = ()
    findings: tuple[Finding, ...] = ()
    passed: tuple[Outcome, ...] = ()
    not_applicable: tuple[Outcome, ...] = ()
    not_run: tuple[Outcome, ...] = ()
    broken: tuple[Outcome, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    examined: tuple[Examined, ...] = ()
    sections: tuple[Section, ...] = ()
    proofs: tuple[Proof, ...] = ()
    facts: dict[str, Any] = {}  # noqa: RUF012  msgspec copies the default for each instance

    def to_json(self) -> str:
        """The document as indented JSON, secrets masked; a number that is not finite is null."""
        return msgspec.json.format(msgspec.json.encode(mask_all(self)), indent=1).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Document:
        """Read a document back.

        Raises:
            msgspec.ValidationError: if the text is not a document of this schema.
        """
        return msgspec.json.decode(text, type=cls)

    def save(self, path: str | Path) -> None:
        """Write the document as JSON. `tunewell.report.write` draws the other formats."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fails(self, *, severity: Severity, confidence: Confidence) -> bool:
        """Whether a finding at or above both levels is there."""
        severities, confidences = list(Severity), list(Confidence)
        return any(
            severities.index(finding.severity or Severity.INFO) <= severities.index(severity)
            and confidences.index(finding.confidence or Confidence.LOW)
            <= confidences.index(confidence)
            for finding in self.findings
        )

    @property
    def checks_looked(self) -> int:
        """How many checks looked at something: those that found and those that passed."""
        return len({finding.code for finding in (*self.findings, *self.suppressed)}) + len(
            self.passed
        )


def schema() -> dict[str, Any]:
    """JSON Schema of the document, committed as docs/reference/document.schema.json."""
    return msgspec.json.schema(Document)
