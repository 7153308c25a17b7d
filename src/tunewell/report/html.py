"""The report as one self-contained page that works offline and cannot reach the network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from tunewell.core.document import Document, Section
from tunewell.core.finding import (
    Bars,
    Evidence,
    Finding,
    Layers,
    Matrix,
    Series,
    Severity,
    Table,
)
from tunewell.core.proof import Proof
from tunewell.core.words import counted
from tunewell.report import charts, numbers, stacks, words
from tunewell.report.diff import diff
from tunewell.report.svg import draw

ROWS_SHOWN = 50
PLACES_SHOWN = 8
NOT_RUN_OPEN = 6
"""Checks that were not run are listed openly up to this number, folded above it."""
CONFUSIONS_SHOWN = 8
TEXT_SHOWN = 4_000
WIDE, NARROW = 700, 250
"""Plot widths in pixels of the before/after picture on a screen and on a phone."""

EMBEDDED_AS_TEXT = 100_000
"""Bytes of JSON above which the page embeds it compressed."""

HEAT_LEVELS = 9


def render(document: Document) -> str:
    """The document as an HTML page."""
    style, script = asset("style.css"), asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    sections = {section.id: section for section in document.sections}
    encoding, data = _embedded(document)
    page = templates().get_template("page.html")
    return (
        page.render(
            document=document,
            policy=policy,
            style=Markup(style),  # noqa: S704  a file of this package
            script=Markup(script),  # noqa: S704  a file of this package
            findings=[(finding, anchor) for finding, anchor in _anchored(document.findings)],
            opened=_first_opened(document.findings),
            before_after=sections.get(numbers.BEFORE_AFTER),
            changed=_changed(sections.get(numbers.BEFORE_AFTER)),
            # Findings are marked on the run that they speak of, not on another one beside it.
            curves=[
                (section, document.findings if section.id == numbers.CURVES else ())
                for section in document.sections
                if section.id.startswith(numbers.CURVES)
            ],
            others=[
                section
                for section in document.sections
                if section.id != numbers.BEFORE_AFTER and not section.id.startswith(numbers.CURVES)
            ],
            reach=_reach(document.proofs),
            counts=_counts(document),
            data=data,
            data_encoding=encoding,
        )
        + "\n"
    )


def finding_part(finding: Finding, anchor: str) -> str:
    """One finding as the report shows it, folded, for a page that is told of one at a time."""
    return str(templates().get_template("parts.html").module.finding(finding, anchor, False))  # type: ignore[attr-defined]


@cache
def templates() -> jinja2.Environment:
    """The templates of `report/web`, which escape all that they are given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tunewell.report", "web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals.update(
        words=words,
        diff=diff,
        tag=_tag,
        cut=_cut,
        text_of=_text_of,
        picture_of=_picture_of,
        stack_of=_stack_of,
        said_of=stacks.said,
        curve=_curve,
        overlaid=_overlaid,
        overlay=_overlay,
        dumbbells=_dumbbells,
        difference=_difference,
        heat=_heat,
        most_confused=numbers.most_confused,
        confusions=lambda matrix: numbers.confusions(matrix)[:CONFUSIONS_SHOWN],
        ROWS_SHOWN=ROWS_SHOWN,
        PLACES_SHOWN=PLACES_SHOWN,
        NOT_RUN_OPEN=NOT_RUN_OPEN,
    )
    return environment


def _shown(value: object) -> object:
    # Runs on every {{ }} before escaping, so no control character reaches the page.
    if isinstance(value, str) and not isinstance(value, Markup):
        return words.visible(value, keep="\n\t")
    return "" if value is None else value


def asset(name: str) -> str:
    """A file of `report/web`."""
    return resources.files("tunewell.report").joinpath("web", name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(document: Document) -> tuple[str, Markup]:
    text = document.to_json()
    if len(text) > EMBEDDED_AS_TEXT:
        packed = gzip.compress(text.encode("utf-8", "replace"), mtime=0)
        return "gzip", Markup(base64.b64encode(packed).decode())  # noqa: S704  base64
    return "json", inert(text)


def inert(text: str) -> Markup:
    """JSON that may stand inside a script element."""
    for char in set(text):
        if char in "<>&" or words.visible(char, keep="\n") != char:
            # Inside a JSON string the escape means the same and can neither act nor end the
            # element. Outside of strings no such character stands.
            text = text.replace(char, _json_escape(char))
    return Markup(text)  # noqa: S704  escaped above


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _anchored(findings: Sequence[Finding]) -> list[tuple[Finding, str]]:
    seen: dict[str, int] = {}
    named = []
    for finding in findings:
        code = re.sub(r"[^A-Za-z0-9_-]+", "-", finding.code) or "finding"
        seen[code] = seen.get(code, 0) + 1
        named.append((finding, code if seen[code] == 1 else f"{code}-{seen[code]}"))
    return named


def _first_opened(findings: Sequence[Finding]) -> int:
    is_error = [words.severity_of(finding) is Severity.ERROR for finding in findings]
    return is_error.index(True) if True in is_error else -1


def _counts(document: Document) -> list[tuple[int, str, str, str]]:
    """Number, noun, class and anchor of each count in the strip at the top."""
    plurals = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "info"}
    strip = []
    for severity, plural in plurals.items():
        number = document.count(severity)
        if number or (severity is not Severity.INFO and (document.passed or document.findings)):
            noun = severity.value if number == 1 else plural
            strip.append((number, noun, severity.value if number else "none", "findings"))
    for outcomes, noun, anchor in (
        (document.passed, "passed", "passed"),
        (document.not_run, "not run", "not-run"),
        (document.broken, "broken", "broken"),
    ):
        if outcomes:
            strip.append((len(outcomes), noun, anchor, anchor))
    return strip


def _tag(thing: Evidence) -> str:
    return str(thing.__struct_config__.tag)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]} …"


def _text_of(value: str | float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001  a dash for nothing
    return _cut(value) if isinstance(value, str) else words.figure(value)


def _picture_of(spec: dict[str, Any], label: str) -> Markup | None:
    return _picture(charts.foreign(spec), label)


def _stack_of(item: Bars | Layers, *, wide: bool) -> Markup | None:
    width = WIDE if wide else NARROW
    return _picture(stacks.spec_of(item, width), f"{item.name}: {stacks.said(item)}")


def _picture(spec: dict[str, Any], label: str) -> Markup | None:
    drawn = draw(spec, label=label)
    return None if drawn is None else Markup(drawn)  # noqa: S704  cleaned by svg.draw


def _curve(series: Series, findings: Sequence[Finding]) -> Markup | None:
    return _picture(charts.curve(series, charts.flags(series, findings)), f"{series.name} by step")


def _overlaid(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """The evidence in lists of one, but curves of one metric of several runs together."""
    lists: list[list[Evidence]] = []
    places: dict[str, list[Evidence]] = {}
    for item in evidence:
        if isinstance(item, Series) and item.of:
            if item.name not in places:
                places[item.name] = []
                lists.append(places[item.name])
            places[item.name].append(item)
        else:
            lists.append([item])
    return lists


def _overlay(together: Sequence[Series]) -> Markup | None:
    runs = counted(len(together), "run")
    return _picture(charts.overlay(together), f"{together[0].name} of {runs} by step")


def _changed(section: Section | None) -> list[numbers.Change]:
    if section is None:
        return []
    tables = [item for item in section.evidence if isinstance(item, Table)]
    return [change for table in tables for change in numbers.changes(table)]


def _dumbbells(changes: Sequence[numbers.Change], *, wide: bool) -> Markup | None:
    label = "; ".join(
        f"{c.metric}: {words.percent(c.before.value)} before, {words.percent(c.after.value)} after"
        for c in changes
    )
    return _picture(charts.dumbbells(changes, WIDE if wide else NARROW), label)


def _reach(proofs: Sequence[Proof]) -> float:
    ends = [abs(e) for p in proofs for e in (p.difference.low, p.difference.high)]
    return 100 * max((end for end in ends if end < float("inf")), default=0.01) * 1.08 or 1.0


def _difference(proof: Proof, reach: float) -> Markup | None:
    said = f"{words.points(proof.difference.value)}, {words.p_value(proof.p_value)}"
    return _picture(charts.difference(proof.difference, reach), said)


def _heat(matrix: Matrix) -> list[list[int]]:
    """A level from 0 to 9 for each cell, by its share of the true class."""
    levels = []
    for row in matrix.counts:
        total = max(sum(row), 1)
        levels.append([min(max(-(-HEAT_LEVELS * n // total), 0), HEAT_LEVELS) for n in row])
    return levels
