"""The document as text for a terminal, with rich doing widths, wrapping and colour."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tunewell.core.document import Document, Outcome, Section
from tunewell.core.finding import Confidence, Finding, Fix, Number, Series, Severity, Table
from tunewell.core.proof import Proof
from tunewell.core.words import counted
from tunewell.report import words
from tunewell.report.diff import diff
from tunewell.report.numbers import BEFORE_AFTER, CURVES
from tunewell.report.terminal_evidence import evidence_lines, together
from tunewell.report.words import visible

Style = Literal["full", "concise"]

NARROWEST = 40
"""Below this many columns lines are not wrapped any narrower."""

COLOUR_OF = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold blue",
}
EVIDENCE_SHOWN = 3
ROWS_IN_FINDING, ROWS_IN_SECTION = 3, 20
TOKENS_IN_SECTION = 480
DIFF_LINES_SHOWN = 12
CODE_WIDTH = 12
RECIPE = "recipe"
DATA = frozenset({"training data", "evaluation data", "test data"})
"""What is told of in every call: a file that was taken for the wrong thing is seen at once."""


def render(
    document: Document,
    *,
    width: int = 80,
    colour: bool,
    verbose: bool = False,
    style: Style = "full",
) -> str:
    """The document as text that ends with a line break.

    Args:
        document: what to show.
        width: columns of the terminal.
        colour: whether to write ANSI colours; without, the text holds no escape at all.
        verbose: also list what passed, was not applicable, was not run, and what was examined.
        style: "concise" is one line a finding, for editors, and of a plan its verdict.
    """
    page = _Page(max(width, NARROWEST), colour=colour)
    if style == "concise":
        for finding in document.findings:
            page.unwrapped(_concise(finding))
        if document.command == "plan":  # asked for what it needs, not for findings
            page.unwrapped(document.verdict)
    else:
        _full(page, document, verbose=verbose)
    _broken(page, document.broken)
    if verbose:
        _verbose(page, document)
    page.line(words.count_line(document, verbose=verbose))
    steps = words.next_steps(document)
    if steps:
        page.line(steps, style="dim")
    return page.text()


class _Page:
    """Lines written through one rich console of a fixed width."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = width
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def line(self, body: Text | str, *, lead: str = "", style: str = "", hang: int = 0) -> None:
        """Write one paragraph after `lead`; its further lines are indented to fit below.

        `hang` indents further lines more than the first. An empty body writes nothing.
        """
        text = Text(visible(body), style=style) if isinstance(body, str) else body
        if not text.plain:
            return
        room = max(self.width - cell_len(lead), NARROWEST // 2)
        first = text.wrap(self._console, room)[0]
        rest = text[len(first.plain) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        first.rstrip()
        self._print(Text.assemble((lead, "blue"), first))
        if not rest.plain:
            return
        for part in rest.wrap(self._console, max(room - hang, NARROWEST // 2)):
            part.rstrip()
            self._print(Text.assemble(" " * (cell_len(lead) + hang), part))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def unwrapped(self, body: str) -> None:
        """Write one line whatever its length: editors read it."""
        self._out.write(f"{visible(body)}\n")

    def blank(self) -> None:
        """Write an empty line."""
        self._out.write("\n")

    def text(self) -> str:
        """Everything written."""
        return self._out.getvalue()


def _full(page: _Page, document: Document, *, verbose: bool) -> None:
    # Where changes were proven they are the news; the HTML page has every finding in full.
    brief = bool(document.proofs) and not verbose
    _causes(page, document, brief=brief)
    for finding in document.findings:
        _finding(page, finding, brief=brief)
    if brief and document.findings:
        page.blank()
    for section in document.sections:
        if section.id != BEFORE_AFTER and not (brief and section.id.startswith(CURVES)):
            _section(page, section)
    _proofs(page, document.proofs)
    for section in document.sections:
        if section.id == BEFORE_AFTER:
            _section(page, section)
    _verdict(page, document)
    if not verbose:
        _looked_at(page, document)


def _looked_at(page: _Page, document: Document) -> None:
    for thing in document.examined:
        if thing.what not in {*DATA, RECIPE}:
            continue
        reason = thing.reason if thing.what == RECIPE else thing.reason.partition(";")[0]
        page.line(f"{PurePath(thing.path).name}: {thing.what}, {reason}", style="dim")


def _causes(page: _Page, document: Document, *, brief: bool) -> None:
    for number, cause in enumerate(document.causes):
        head = Text(f"{words.cause_heading(document, number)}: ", "bold")
        head.append(visible(cause.title), "bold cyan")
        if cause.confidence is not Confidence.HIGH:
            head.append(f" ({cause.confidence} confidence)", "dim")
        page.line(head, hang=4)
        for label, said in words.cause_lines(cause) if not brief else ():
            page.line(_labelled(label, said), lead="   = ")
        page.blank()


def _finding(page: _Page, finding: Finding, *, brief: bool) -> None:
    severity = words.severity_of(finding)
    head = Text()
    head.append(severity.value, COLOUR_OF[severity])
    head.append(f"[{visible(finding.code)}]", "bold")
    head.append(f" {visible(finding.name)}: {visible(finding.message)}")
    if finding.confidence not in {Confidence.HIGH, None}:
        head.append(f" ({finding.confidence} confidence)", "dim")
    if finding.because_of:
        head.append(f" (follows from {visible(finding.because_of)})", "dim")
    page.line(head, hang=4)
    if brief:
        return
    if finding.where:
        where = Text(visible(words.place(finding.where[0])))
        more = words.further_places(finding)
        if more:
            where.append(f"  ({more})", "dim")
        page.line(where, lead="  --> ")
    for lead, body in _details(finding, page.width):
        page.line(body, lead=lead)
    page.blank()


def _details(finding: Finding, width: int) -> Iterator[tuple[str, Text]]:
    numbers = [item for item in finding.evidence if isinstance(item, Number)]
    if numbers:
        yield "   = ", _labelled("measured", "; ".join(words.measured(n) for n in numbers[:3]))
    others = [item for item in finding.evidence if not isinstance(item, Number)]
    tables = sum(isinstance(item, Table) for item in others)
    for item in others[:EVIDENCE_SHOWN]:
        if tables > 1 and isinstance(item, Table):
            yield "   | ", Text(f"{visible(item.name)}:", "dim")
        for line in evidence_lines(item, width - 6, rows=ROWS_IN_FINDING, lines=1):
            yield "   | ", line
    if finding.impact:
        yield "   = ", _labelled("costs", finding.impact)
    for fix in finding.fixes:
        yield from _fix(fix)


def _fix(fix: Fix) -> Iterator[tuple[str, Text]]:
    yield "   = ", _labelled(f"fix ({fix.safety})", fix.title, style="bold cyan")
    lines = diff(fix.edits)
    signs = {"where": ("", "dim"), "remove": ("- ", "red"), "add": ("+ ", "green")}
    for line in lines[:DIFF_LINES_SHOWN]:
        sign, style = signs[line.kind]
        yield f"   |  {sign}", Text(visible(line.text), style)
    if len(lines) > DIFF_LINES_SHOWN:
        rest = counted(len(lines) - DIFF_LINES_SHOWN, "more line")
        yield "   |  ", Text(f"({rest} of the change)", "dim")


def _labelled(label: str, body: str, style: str = "bold") -> Text:
    return Text.assemble((label, style), f": {visible(body)}")


def _concise(finding: Finding) -> str:
    where = f"{words.place(finding.where[0])}: " if finding.where else ""
    mark = "[*] " if words.applicable(finding.fixes) else ""
    return f"{where}{words.severity_of(finding)}[{finding.code}] {mark}{finding.message}"


def _section(page: _Page, section: Section) -> None:
    page.line(section.title, style="bold")
    for paragraph in section.text.split("\n"):
        page.line(paragraph.strip(), lead="  ")
    side_by_side = [e for e in section.evidence if isinstance(e, Series) and e.of]
    for line in together(side_by_side):
        page.line(line, lead="  ")
    for item in section.evidence:
        if item in side_by_side:
            continue
        shown = evidence_lines(item, page.width - 2, rows=ROWS_IN_SECTION, tokens=TOKENS_IN_SECTION)
        for line in shown:
            page.line(line, lead="  ")
    page.blank()


def _proofs(page: _Page, proofs: tuple[Proof, ...]) -> None:
    if not proofs:
        return
    page.line("Changes, each proven against a control", style="bold")
    for proof in proofs:
        lead, style = ("  kept      ", "green") if proof.kept else ("  not kept  ", "dim")
        text = Text()
        text.append(f"{visible(proof.title)}: ")
        text.append(proof.verdict.value, f"bold {style}")
        text.append(f"; {visible(words.proof_numbers(proof))}")
        if proof.reason and not proof.kept:
            text.append(f"; {visible(proof.reason)}", "dim")
        page.line(text, lead=lead)
    page.blank()


def _verdict(page: _Page, document: Document) -> None:
    # After its own finding the sentence "Fix this first: ..." would say the same twice.
    said = any(
        finding.message and finding.message in document.verdict for finding in document.findings
    )
    if not said:
        page.line(document.verdict, style="bold" if document.findings else "bold green")


def _broken(page: _Page, broken: tuple[Outcome, ...]) -> None:
    for outcome in broken:
        body = Text.assemble(
            ("broken", "bold magenta"),
            (f"[{visible(outcome.check)}]", "bold"),
            f" {visible(outcome.name)}: {visible(outcome.reason)}",
        )
        page.line(body)
    if broken:
        page.line("A broken check is a fault of Tunewell: please report it.", style="dim")
        page.blank()


def _verbose(page: _Page, document: Document) -> None:
    if document.examined:
        page.line("Examined", style="bold")
        for thing in document.examined:
            page.line(f"{thing.path}: {thing.what}, {thing.reason}", lead="  ")
        page.blank()
    lists: Iterable[tuple[str, tuple[Outcome, ...]]] = (
        ("Passed", document.passed),
        ("Not applicable", document.not_applicable),
        ("Not run", document.not_run),
    )
    for title, outcomes in lists:
        if not outcomes:
            continue
        page.line(title, style="bold")
        for outcome in outcomes:
            reason = f": {outcome.reason}" if outcome.reason else ""
            page.line(f"{outcome.name}{reason}", lead=_code(outcome.check))
        page.blank()
    if document.suppressed:
        page.line("Suppressed", style="bold")
        for finding in document.suppressed:
            page.line(f"{finding.name}: {finding.message}", lead=_code(finding.code))
        page.blank()


def _code(code: str) -> str:
    return f"  {visible(code)[:CODE_WIDTH]:<8}"
