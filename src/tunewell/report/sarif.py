"""SARIF 2.1.0, which code-scanning services read.

All checks that had an outcome are listed as rules, so that a service closes the alerts of those
that no longer fire.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from tunewell.core.document import Document, Outcome
from tunewell.core.finding import Confidence, Finding, Key, Location, LogLine, Row, Severity
from tunewell.core.finding import File as WholeFile
from tunewell.report import words
from tunewell.report.diff import diff
from tunewell.report.words import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
RANK = {Confidence.HIGH: 95.0, Confidence.MEDIUM: 60.0, Confidence.LOW: 20.0}
PLACES_LISTED = 10


def render(document: Document) -> str:
    """The document as one SARIF run."""
    rules = _rules(document)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "Tunewell",
                "version": visible(document.tunewell),
                "rules": rules,
            }
        },
        "invocations": [
            {
                "executionSuccessful": not document.broken,
                "toolExecutionNotifications": [_notice(outcome) for outcome in document.broken],
            }
        ],
        "results": [
            *(_result(finding, index, suppressed=False) for finding in document.findings),
            *(_result(finding, index, suppressed=True) for finding in document.suppressed),
        ],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rules(document: Document) -> list[dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for finding in (*document.findings, *document.suppressed):
        code = visible(finding.code) or "finding"
        rules[code] = {
            "id": code,
            "name": visible(finding.name),
            "defaultConfiguration": {"level": LEVEL[words.severity_of(finding)]},
            "properties": {"tags": [tag for tag in (finding.family, finding.category) if tag]},
        }
    others = (document.passed, document.not_run, document.not_applicable, document.broken)
    for outcome in (outcome for outcomes in others for outcome in outcomes):
        code = visible(outcome.check)
        rules.setdefault(code, {"id": code, "name": visible(outcome.name)})
    return [rules[code] for code in sorted(rules)]


def _notice(outcome: Outcome) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": visible(outcome.reason)},
        "associatedRule": {"id": visible(outcome.check)},
    }


def _result(finding: Finding, index: dict[str, int], *, suppressed: bool) -> dict[str, Any]:
    code = visible(finding.code) or "finding"
    result: dict[str, Any] = {
        "ruleId": code,
        "ruleIndex": index[code],
        "level": LEVEL[words.severity_of(finding)],
        "message": {"text": _message(finding)},
        "locations": [_location(place) for place in finding.where[:PLACES_LISTED]],
        "partialFingerprints": {"tunewell/v1": visible(finding.fingerprint)},
    }
    if finding.confidence is not None:
        result["rank"] = RANK[finding.confidence]
    if suppressed:
        result["suppressions"] = [{"kind": "external"}]
    return result


def _message(finding: Finding) -> str:
    lines = [visible(finding.message)]
    if finding.impact:
        lines.append(f"Costs: {visible(finding.impact)}")
    for fix in finding.fixes:
        lines.append(f"Fix ({fix.safety.value}): {visible(fix.title)}")
        lines += [f"  {visible(line.text)}" for line in diff(fix.edits)]
    return "\n".join(lines)


def _location(place: Location) -> dict[str, Any]:
    if isinstance(place, Row | Key | LogLine) and place.file is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
        if place.line is not None:
            physical["region"] = {"startLine": max(place.line, 1)}
        return {"physicalLocation": physical}
    if isinstance(place, WholeFile):
        return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.path)}}}
    # Steps, classes and parameters are no places in a file.
    return {"logicalLocations": [{"fullyQualifiedName": visible(words.place(place))}]}


def _uri(path: str) -> str:
    return quote(PurePath(visible(path)).as_posix())
