"""The document as Markdown for a pull request's comment."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import assert_never

from tunewell.core.document import Document, Section
from tunewell.core.finding import (
    Bars,
    Chart,
    Evidence,
    Finding,
    Fix,
    Layers,
    Matrix,
    Number,
    Series,
    Severity,
    Table,
    Text,
    Tokens,
)
from tunewell.core.proof import Proof
from tunewell.core.words import counted
from tunewell.report import words
from tunewell.report.diff import diff
from tunewell.report.numbers import confusions, finite_points
from tunewell.report.terminal_stacks import stacked
from tunewell.report.words import figure, visible

SPECIAL = re.compile(r"[\\`*_\[\]#|~@$!]|^\s*[-+=](?=[-=\s]|$)|^\s*\d+[.)](?=\s|$)")
"""What Markdown acts on anywhere, and what begins a list or a heading at the start of a line."""

SHAPE = {Severity.ERROR: "🔺", Severity.WARNING: "🟧", Severity.INFO: "🔵"}
ROWS_SHOWN = 10
QUOTED_CHARACTERS = 600
TOKENS_SHOWN = 60
DIFF_LINES_SHOWN = 20
DRAWN_COLUMNS = 76


def render(document: Document) -> str:
    """The verdict, the findings folded, sections, proofs and the counts."""
    parts = [f"### {escape(document.verdict)}", *_causes(document)]
    for section in document.sections:
        parts += _section(section)
    if document.proofs:
        parts += ["#### Changes, each proven against a control", _proofs(document.proofs)]
    parts += [_finding(finding) for finding in document.findings]
    if document.broken:
        listed = [f"{o.check} {o.name}: {o.reason}" for o in document.broken]
        parts.append("**Broken**\n" + "\n".join(f"- {escape(line)}" for line in listed))
    if document.not_run:
        listed = [f"{o.check} {o.name}: {o.reason}" for o in document.not_run]
        items = "\n".join(f"- {escape(line)}" for line in listed)
        parts.append(_folded(f"{len(listed):,} not run", items))
    counts = words.count_line(document)
    parts.append(
        f"<sub>{escape(counts)}{'. ' if counts else ''}Tunewell {escape(document.tunewell)}</sub>"
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """The text with nothing left that Markdown or HTML would act on."""
    shown = SPECIAL.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", visible(text))
    return html.escape(shown, quote=False)


def _code(text: str) -> str:
    said = visible(text)
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", said)), default=0) + 1)
    pad = " " if said.startswith("`") or said.endswith("`") else ""
    return f"{ticks}{pad}{said}{pad}{ticks}" if said.strip() else escape(said)


def _block(lines: Iterable[str], language: str = "") -> str:
    body = "\n".join(visible(line) for line in lines)
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", body)), default=0) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _causes(document: Document) -> list[str]:
    parts = []
    for number, cause in enumerate(document.causes):
        heading = words.cause_heading(document, number)
        title = f"**{heading}: {escape(cause.title)}** ({cause.confidence.value} confidence)"
        lines = [f"- {label}: {escape(said)}" for label, said in words.cause_lines(cause)]
        parts.append("\n".join((title, "", *lines)))
    return parts


def _finding(finding: Finding) -> str:
    severity = words.severity_of(finding)
    # GitHub does not read Markdown inside a summary: HTML escapes are enough there.
    title = f"{SHAPE[severity]} <b>{severity.value}</b> <code>{_html(finding.code)}</code> "
    title += _html(finding.message)
    if finding.because_of:
        title += f" (follows from <code>{_html(finding.because_of)}</code>)"
    body = []
    if finding.where:
        more = words.further_places(finding)
        body.append(_code(words.place(finding.where[0])) + (f" ({more})" if more else ""))
    body += [_evidence(item) for item in finding.evidence]
    if finding.impact:
        body.append(f"**Costs:** {escape(finding.impact)}")
    body += [_fix(fix) for fix in finding.fixes]
    return _folded(title, "\n\n".join(body))


def _html(text: str) -> str:
    # An at sign in a row of data must not call a person of that name.
    return html.escape(visible(text), quote=False).replace("@", "&#64;")


def _fix(fix: Fix) -> str:
    said = f"**Fix ({fix.safety.value}):** {escape(fix.title)}"
    lines = diff(fix.edits)
    signs = {"where": "  ", "remove": "- ", "add": "+ "}
    shown = [signs[line.kind] + line.text for line in lines[:DIFF_LINES_SHOWN]]
    if len(lines) > DIFF_LINES_SHOWN:
        shown.append(f"  and {counted(len(lines) - DIFF_LINES_SHOWN, 'more line')}")
    return f"{said}\n\n{_block(shown, 'diff')}" if shown else said


def _section(section: Section) -> list[str]:
    parts = [f"#### {escape(section.title)}"]
    parts += [escape(line) for line in section.text.split("\n") if line.strip()]
    return [*parts, *(_evidence(item) for item in section.evidence)]


def _proofs(proofs: Sequence[Proof]) -> str:
    differences = [
        f"{words.points(proof.difference.value)} ({words.difference_interval(proof.difference)})"
        for proof in proofs
    ]
    rows = [
        (
            proof.title,
            proof.verdict.value,
            words.percent(proof.control.value),
            words.percent(proof.change.value),
            difference,
            words.p_value(proof.p_value),
            "kept" if proof.kept else "not kept",
        )
        for proof, difference in zip(proofs, differences, strict=True)
    ]
    header = ("change", "verdict", "control", "with it", "difference (95 %)", "p", "")
    return _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(escape(name) or " " for name in header) + " |"]
    lines.append("|" + " --- |" * len(header))
    lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _evidence(item: Evidence) -> str:  # noqa: PLR0911  one return a kind
    match item:
        case Number():
            return f"**Measured:** {escape(words.measured(item))}"
        case Series():
            return escape(_series(item))
        case Table():
            shown = item.rows[:ROWS_SHOWN]
            table = _table(item.columns, [[_cell(value) for value in row] for row in shown])
            rest = item.total - len(shown)
            return f"{table}\n\nand {counted(rest, 'more row')}" if rest > 0 else table
        case Matrix():
            worst = confusions(item)[:ROWS_SHOWN]
            rows = [(true, taken, f"{n:,} of {of:,}") for true, taken, n, of in worst]
            return _table(("true class", "taken for", "rows"), rows)
        case Tokens():
            pairs = list(zip(item.pieces, item.trained, strict=False))[:TOKENS_SHOWN]
            shown_tokens = " ".join(
                _code(p) if trained else f"~~{escape(p)}~~" for p, trained in pairs
            )
            return f"{escape(item.name)}: {shown_tokens}"
        case Text():
            return f"{escape(item.name)}:\n\n{_block(item.text[:QUOTED_CHARACTERS].splitlines())}"
        case Chart():
            return f"{escape(item.name)}: a chart, drawn in the HTML report"
        case Bars() | Layers():
            # A drawing of characters of one width: the one that the terminal has.
            drawn = [line.plain for line in stacked(item, DRAWN_COLUMNS)]
            return f"{escape(item.name)}:\n\n{_block(drawn)}"
        case _:
            assert_never(item)


def _tokens(tokens: Tokens) -> str:
    pairs = list(zip(tokens.pieces, tokens.trained, strict=False))[:TOKENS_SHOWN]
    return " ".join(_code(p) if trained else f"~~{escape(p)}~~" for p, trained in pairs)


def _cell(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else figure(value)


def _series(series: Series) -> str:
    finite = finite_points(series)
    if not finite:
        return f"{words.series_name(series)}: no finite value"
    (first, start), (last, end) = finite[0], finite[-1]
    lost = len(series.values) - len(finite)
    name = words.series_name(series)
    said = f"{name}: {figure(start)} at step {first:,}, {figure(end)} at step {last:,}"
    return f"{said}, {counted(lost, 'value')} not finite" if lost else said
