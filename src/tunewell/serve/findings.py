"""The findings of a run in the order in which they came, and when each was gone again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tunewell.core.finding import Finding, Severity, Steps
from tunewell.core.mask import mask, mask_all
from tunewell.report.html import finding_part
from tunewell.report.words import severity_of
from tunewell.serve.explain import explanation

ORDER = list(Severity)
VERDICTS = {
    "waiting": "Nothing has been written here yet.",
    "finished": "Nothing was found wrong with this run.",
    "failed": "The run ended with an error.",
}
SENTENCE = re.compile(r"^[a-z](?=[a-z]* )")
"""The first letter of a sentence that begins with a word, not with the name of a setting."""

EXAMINED = "The checks are looking at this run."
HEALTHY = "Nothing has been found wrong so far."
KEPT = 500
"""Findings remembered of one run."""


@dataclass(slots=True)
class Seen:
    """One finding from the step where it was opened to the one where it was gone.

    `watched` says that the run's own watcher found it.
    """

    number: int
    finding: Finding
    step: int
    html: str
    revision: int
    watched: bool
    closed: int | None = None

    def told(self) -> dict[str, Any]:
        """For the page."""
        marks = [
            {"metric": place.metric, "first": place.first, "last": place.last}
            for place in self.finding.where
            if isinstance(place, Steps)
        ]
        return {
            "id": self.number,
            "code": self.finding.code,
            "severity": severity_of(self.finding).value,
            "step": self.step,
            "closed": self.closed,
            "html": self.html,
            "marks": marks,
        }


class Findings:
    """All that was found. A code is open once at a time."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self.looked = 0

    def open(self) -> dict[str, Seen]:
        """Those that stand, by code."""
        return {seen.finding.code: seen for seen in self._seen if seen.closed is None}

    def opened(self, said: object, step: int, revision: int, *, watched: bool) -> None:
        """A finding, as an event tells it or as the page's own examination made it."""
        finding = _read(said)
        if finding is None or len(self._seen) >= KEPT or finding.code in self.open():
            return
        finding = mask_all(finding)
        number = len(self._seen)
        html = _drawn(finding, number)
        self._seen.append(Seen(number, finding, step, html, revision, watched))

    def closed(self, code: str, step: int, revision: int) -> None:
        """It is no longer found."""
        seen = self.open().get(code)
        if seen is not None:
            seen.closed, seen.revision = step, revision

    def become(self, found: Iterable[Finding], step: int, revision: int, *, ended: bool) -> None:
        """These stand; what was open and says the same is left as it is.

        While the run goes on, what its watcher found stands until the watcher takes it back.
        """
        by_code = {finding.code: mask_all(finding) for finding in found}
        for code, seen in self.open().items():
            if code not in by_code:
                if ended or not seen.watched:
                    self.closed(code, step, revision)
            elif seen.finding != by_code[code]:
                seen.finding, seen.revision = by_code[code], revision
                seen.html = _drawn(seen.finding, seen.number)
        for finding in by_code.values():
            self.opened(finding, step, revision, watched=False)

    def since(self, revision: int) -> list[dict[str, Any]]:
        """Those that changed after a revision."""
        return [seen.told() for seen in self._seen if seen.revision > revision]

    def verdict(self, phase: str, *, examined: bool) -> str:
        """The worst that stands, as a sentence; of a run that no check has seen, that it is so."""
        serious = [
            seen.finding
            for seen in self.open().values()
            if severity_of(seen.finding) is not Severity.INFO
        ]
        if serious:
            worst = min(serious, key=lambda finding: ORDER.index(severity_of(finding))).message
            return SENTENCE.sub(lambda match: match.group().upper(), worst)
        return VERDICTS.get(phase, HEALTHY) if examined else EXAMINED


def _drawn(finding: Finding, number: int) -> str:
    """As the report shows it, with the page of its check folded below."""
    try:
        drawn = finding_part(finding, f"finding-{number}")
    except Exception:  # noqa: BLE001  evidence that cannot be drawn must not cost the page
        drawn = finding_part(msgspec.structs.replace(finding, evidence=()), f"finding-{number}")
    head, end, tail = drawn.rpartition("</div>\n</details>")
    return f"{head}{explanation(finding.code)}{end}{tail}"


def _read(said: object) -> Finding | None:
    """A finding from a log; of one that this version does not know, its message and severity."""
    if isinstance(said, Finding):
        return said
    try:
        return msgspec.convert(said, type=Finding, strict=False)
    except msgspec.ValidationError:
        pass
    if not isinstance(said, Mapping) or not isinstance(said.get("message"), str):
        return None
    severity = said.get("severity")
    return Finding(
        message=mask(said["message"]),
        code=str(said.get("code") or ""),
        name=str(said.get("name") or ""),
        severity=Severity(severity) if severity in {*map(str, Severity)} else Severity.INFO,
    )
