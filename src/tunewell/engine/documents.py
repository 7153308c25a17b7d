"""Make the document of a command out of the engine's outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunewell.core.document import Document, Examined, Section
from tunewell.core.finding import Confidence, Finding, Severity
from tunewell.core.mask import mask_all
from tunewell.core.proof import Proof
from tunewell.core.version import VERSION
from tunewell.core.words import counted
from tunewell.engine.examine import Outcomes


def build(  # noqa: PLR0913  each is a part of the document
    command: str,
    outcomes: Outcomes,
    *,
    verdict: str | None = None,
    title: str = "",
    examined: Sequence[Examined] = (),
    sections: Sequence[Section] = (),
    proofs: Sequence[Proof] = (),
    facts: Mapping[str, Any] | None = None,
) -> Document:
    """A document of everything the call found. Without a verdict, the findings make it."""
    return Document(
        command=command,
        verdict=verdict if verdict is not None else verdict_of(outcomes),
        tunewell=VERSION,
        title=title,
        causes=outcomes.causes,
        findings=tuple(outcomes.findings),
        passed=tuple(outcomes.passed),
        not_applicable=tuple(outcomes.not_applicable),
        not_run=tuple(outcomes.not_run),
        broken=tuple(outcomes.broken),
        suppressed=tuple(outcomes.suppressed),
        examined=tuple(examined),
        sections=mask_all(tuple(sections)),
        proofs=tuple(proofs),
        facts=dict(facts or {}),
    )


def verdict_of(outcomes: Outcomes) -> str:
    """One sentence: the likeliest cause with its first finding, or what the silence rests on."""
    looked = len(outcomes.passed) + len({finding.code for finding in outcomes.findings})
    if not looked:
        return "Nothing could be checked."
    findings = outcomes.findings
    if not findings:
        return f"Nothing wrong was found by {counted(looked, 'check')}."
    worst = findings[0]
    rest = len(findings) - 1
    more = f", and {counted(rest, 'further finding')}" if rest else ""
    cause = cause_of(outcomes)
    if cause and worst.code in outcomes.causes[0].explains:
        return f"{cause[0].upper()}{cause[1:]}: {worst.message}{more}."
    return f"{_opening(worst)}: {worst.message}{more}."


def cause_of(outcomes: Outcomes) -> str:
    """The likeliest cause as a clause, with those that cannot be told from it; "" without one."""
    if not outcomes.causes:
        return ""
    first = outcomes.causes[0]
    names = [first.title, *(c.title for c in outcomes.causes if c.id in first.rivals)]
    if len(names) > 1:
        return f"either {' or '.join(names)} (this log cannot tell which)"
    said = {Confidence.HIGH: "", Confidence.MEDIUM: "most likely ", Confidence.LOW: "perhaps "}
    return f"{said[first.confidence]}{first.title}"


def _opening(worst: Finding) -> str:
    return {
        Severity.ERROR: "Fix this first",
        Severity.WARNING: "Worth mending",
    }.get(worst.severity or Severity.INFO, "Good to know")
