"""The document for other programs: JSON, JSON lines, GitHub annotations and JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import msgspec

from tunewell.core.document import Document
from tunewell.core.finding import Finding, Key, LogLine, Row, Severity
from tunewell.core.mask import mask_all
from tunewell.report import words
from tunewell.report.words import visible

PLACES_LISTED = 10
GITHUB_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def json(document: Document) -> str:
    """The document itself, indented."""
    return document.to_json() + "\n"


def jsonl(document: Document) -> str:
    """One finding a line, worst first; nothing where nothing was found."""
    return "".join(msgspec.json.encode(mask_all(f)).decode() + "\n" for f in document.findings)


def github(document: Document) -> str:
    """Workflow commands that GitHub Actions shows beside the lines of a pull request."""
    lines = [_annotation(finding) for finding in document.findings]
    lines.append(_data(words.count_line(document) or document.verdict))
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding) -> str:
    file, line = file_and_line(finding)
    parameters = {"file": file, "line": None if line is None else str(line)}
    parameters["title"] = f"{finding.code} {finding.name}".strip()
    listed = ",".join(f"{k}={_parameter(v)}" for k, v in parameters.items() if v is not None)
    level = GITHUB_LEVEL[words.severity_of(finding)]
    body = f"{finding.message}; {finding.impact}" if finding.impact else finding.message
    return f"::{level} {listed}::{_data(body)}"


def _data(text: str) -> str:
    # A line that begins with "::" is a command to the runner; GitHub's own escapes keep it text.
    said = visible(text).replace("%", "%25")
    return f"%3A%3A{said[2:]}" if said.startswith("::") else said


def _parameter(text: str) -> str:
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def file_and_line(finding: Finding) -> tuple[str | None, int | None]:
    """File and 1-based line of a finding's first place that has a file; None where unknown."""
    for place in finding.where:
        if isinstance(place, Row | Key | LogLine) and place.file is not None:
            return place.file, place.line
        path = getattr(place, "path", None)
        if isinstance(path, str) and not isinstance(place, Key):
            return path, None
    return None, None


def junit(document: Document) -> str:
    """JUnit XML: a test case a check; found is failed, not run is skipped, broken is an error."""
    suite = ET.Element("testsuite", name=f"tunewell {visible(document.command)}")
    for finding in document.findings:
        case = _case(suite, finding.code, finding.name)
        severity = words.severity_of(finding)
        if severity is Severity.INFO:
            ET.SubElement(case, "system-out").text = visible(finding.message)
            continue
        failure = ET.SubElement(
            case, "failure", type=severity.value, message=visible(finding.message)
        )
        places = [words.place(place) for place in finding.where[:PLACES_LISTED]]
        more = words.further_places(finding, len(places))
        lines = [line for line in (*places, more, finding.impact) if line]
        failure.text = "\n".join(visible(line) for line in lines)
    for outcome in document.passed:
        _case(suite, outcome.check, outcome.name)
    for outcome in (*document.not_run, *document.not_applicable):
        case = _case(suite, outcome.check, outcome.name)
        ET.SubElement(case, "skipped", message=visible(outcome.reason))
    for outcome in document.broken:
        case = _case(suite, outcome.check, outcome.name)
        ET.SubElement(case, "error", message=visible(outcome.reason))
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, code: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname="tunewell", name=visible(f"{code} {name}".strip())
    )
