"""How places, numbers and counts are said, the same in every format."""

from __future__ import annotations

import math
import unicodedata
from typing import assert_never

from tunewell.core.document import Cause, Document
from tunewell.core.finding import (
    Classes,
    Confidence,
    File,
    Finding,
    Fix,
    Key,
    Location,
    LogLine,
    Number,
    Row,
    Safety,
    Series,
    Severity,
    Steps,
    Tensor,
)
from tunewell.core.proof import Estimate, Proof
from tunewell.core.words import counted

FIXING_COMMANDS = frozenset({"check"})
"""Commands that take --fix; the others only name what could be changed."""

SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
NO_XML = frozenset("\ufffe\uffff")
JOINERS = frozenset("\u200c\u200d")
SMALLEST_P = 0.001
NAMES_SHOWN = 4
MINUTE, HOUR = 60, 3600


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with every character that would act instead of show written as an escape.

    Control characters, terminal escapes, direction overrides and lone surrogates come from the
    user's data: shown raw they could repaint a terminal or hide what a row says.

    Args:
        text: any text.
        keep: characters left as they are, for example "\n" where lines are wanted.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep else _visible_character(char) for char in text)


def _visible_character(char: str) -> str:
    if char in SHORT_ESCAPES:
        return SHORT_ESCAPES[char]
    category = unicodedata.category(char)
    acts = category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and char not in JOINERS)
    if acts or char in NO_XML:
        code = ord(char)
        return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004  one byte
    return char


def figure(value: float | None, unit: str = "") -> str:
    """A number with its unit as a person writes it: `7.2 %`, `1,204 rows`, `5e-05`."""
    if value is None or not math.isfinite(value):
        return "not finite"
    if unit == "bytes":
        return _bytes(value)
    if unit == "seconds":
        return duration(value)
    if unit and value == 1:
        unit = unit.removesuffix("s")
    return f"{_digits(value)} {unit}" if unit else _digits(value)


def _digits(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1e15:  # noqa: PLR2004  above it a float is no count
        return f"{int(value):,}"
    if size >= 1000:  # noqa: PLR2004  four digits say enough
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _bytes(value: float) -> str:
    size, units = abs(value), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:  # noqa: PLR2004  decimal prefixes
        size, units = size / 1000, units[1:]
    return f"{'-' if value < 0 else ''}{size:.3g} {units[0]}"


def duration(seconds: float) -> str:
    """Seconds as `0.42 s`, `12 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds < 10:  # noqa: PLR2004  below it tenths matter
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR:,} h {whole % HOUR // MINUTE} min"


def measured(number: Number) -> str:
    """A measured number as `rows without text 7.2 % (95 % interval 5 to 9.8) (bound: 0 %)`."""
    said = f"{number.name} {figure(number.value, number.unit)}"
    if number.low is not None and number.high is not None:
        said += f" (95 % interval {figure(number.low)} to {figure(number.high)})"
    return f"{said} (bound: {number.bound})" if number.bound else said


def series_name(series: Series) -> str:
    """The metric, and the run it is of where several lie side by side."""
    return f"{series.name} of {series.of}" if series.of else series.name


def percent(share: float) -> str:
    """A share between 0 and 1 as `87.1 %`."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "not finite"


def points(difference: float) -> str:
    """A difference of shares as `+4.6 points`."""
    return f"{100 * difference:+.1f} points" if math.isfinite(difference) else "not finite"


def interval(estimate: Estimate) -> str:
    """The 95 % interval of a share as `84.6 to 90.3 %`."""
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"


def difference_interval(estimate: Estimate) -> str:
    """The 95 % interval of a difference as `+1.2 to +8.0`."""
    return f"{100 * estimate.low:+.1f} to {100 * estimate.high:+.1f}"


def p_value(value: float) -> str:
    """A p-value as `p = 0.03` or `p < 0.001`."""
    return f"p < {SMALLEST_P}" if value < SMALLEST_P else f"p = {value:.2g}"


def proof_numbers(proof: Proof) -> str:
    """The numbers of a proof on one line."""
    seeds = f", {len(proof.seeds)} seeds" if len(proof.seeds) > 1 else ""
    return (
        f"{proof.metric} {percent(proof.control.value)} → {percent(proof.change.value)}, "
        f"{points(proof.difference.value)} (95 % interval {difference_interval(proof.difference)}),"
        f" {p_value(proof.p_value)}, {counted(proof.rows, 'row')}{seeds}"
    )


def place(location: Location) -> str:  # noqa: C901, PLR0911  one case a kind
    """Where something is, in the form that editors and people find it by."""
    match location:
        case LogLine():
            return f"{location.file}:{location.line}"
        case Row():
            if location.file is not None and location.line is not None:
                return f"{location.file}:{location.line}"
            return f"{location.file or location.split}, row {location.index:,} counted from 0"
        case Key():
            if location.file is None:
                return location.path
            line = "" if location.line is None else f":{location.line}"
            return f"{location.file}{line} ({location.path})"
        case Steps():
            if location.first == location.last:
                return f"{location.metric}, step {location.first:,}"
            return f"{location.metric}, steps {location.first:,} to {location.last:,}"
        case File():
            return location.path
        case Classes():
            names = ", ".join(location.names[:NAMES_SHOWN])
            rest = len(location.names) - NAMES_SHOWN
            more = f" and {rest:,} more" if rest > 0 else ""
            return f"{'class' if len(location.names) == 1 else 'classes'} {names}{more}"
        case Tensor():
            return f"parameter {location.name}"
        case _:
            assert_never(location)


KIND_OF_PLACE: dict[type, tuple[str, str]] = {
    Row: ("row", "rows"),
    Key: ("setting", "settings"),
    Steps: ("stretch of steps", "stretches of steps"),
    LogLine: ("line", "lines"),
    File: ("file", "files"),
    Classes: ("set of classes", "sets of classes"),
    Tensor: ("parameter", "parameters"),
}


def further_places(finding: Finding, shown: int = 1) -> str:
    """What is left of a finding's places after `shown` of them: `and 36 more rows`, or ""."""
    rest = max(finding.where_total, len(finding.where)) - shown
    if rest <= 0 or not finding.where:
        return ""
    kinds = {type(location) for location in finding.where}
    singular, plural = KIND_OF_PLACE[kinds.pop()] if len(kinds) == 1 else ("place", "places")
    return f"and {rest:,} more {singular if rest == 1 else plural}"


def severity_of(finding: Finding) -> Severity:
    """The finding's severity; a finding that was not through the engine counts as info."""
    return finding.severity or Severity.INFO


def applicable(fixes: tuple[Fix, ...]) -> Safety | None:
    """The mildest safety among fixes that can be applied, None where there is none."""
    levels = {fix.safety for fix in fixes if fix.edits}
    return next((s for s in (Safety.SAFE, Safety.UNSAFE) if s in levels), None)


def findings_by_severity(document: Document) -> str:
    """`2 findings (1 error, 1 warning)`, or `No findings`."""
    if not document.findings:
        return "No findings"
    parts = [
        counted(document.count(severity), severity.value, plural)
        for severity, plural in (
            (Severity.ERROR, "errors"),
            (Severity.WARNING, "warnings"),
            (Severity.INFO, "info"),
        )
        if document.count(severity)
    ]
    return f"{counted(len(document.findings), 'finding')} ({', '.join(parts)})"


def count_line(document: Document, *, verbose: bool = True) -> str:
    """What was found and looked at, or "" where no check had a part in the document."""
    outcomes = (
        (document.passed, "passed"),
        (document.not_run, "not run"),
        (document.not_applicable, "not applicable"),
        (document.broken, "broken"),
        (document.suppressed, "suppressed"),
    )
    listed = [f"{len(those):,} {word}" for those, word in outcomes if those]
    if not listed and not document.findings:
        return ""
    line = f"{findings_by_severity(document)} from {counted(document.checks_looked, 'check')}"
    if listed:
        line += f"; {', '.join(listed)}"
    hidden = document.passed or document.not_run or document.not_applicable
    return line if verbose or not hidden else f"{line} (--verbose lists them)"


def cause_heading(document: Document, number: int) -> str:
    """What stands before the cause of this number, counted from 0."""
    cause = document.causes[number]
    if any(cause.id in other.rivals for other in document.causes[:number]):
        return "Or, and this log cannot tell"
    if number:
        return "Another cause"
    return "Possible cause" if cause.confidence is Confidence.LOW else "Most likely cause"


def cause_lines(cause: Cause) -> list[tuple[str, str]]:
    """What is said of a cause below its title: a label and a sentence each."""
    explains = [code for code in cause.explains if code != cause.root]
    named = [f"{cause.root} names it"] if cause.root else []
    parts = (
        ("speaks for it", [*named, *cause.speaks_for]),
        ("speaks against it", cause.speaks_against),
        ("explains", [", ".join(explains)] if explains else []),
        ("fix", [cause.fix] if cause.fix else []),
        ("would refute it", [cause.would_refute] if cause.would_refute else []),
        ("not checked", cause.not_checked),
    )
    return [(label, "; ".join(said)) for label, said in parts if said]


def next_steps(document: Document) -> str:
    """What to do next, or "" where nothing was found."""
    if not document.findings:
        return ""
    levels = [applicable(finding.fixes) for finding in document.findings]
    safe, unsafe = levels.count(Safety.SAFE), levels.count(Safety.UNSAFE)
    parts = []
    if document.command in FIXING_COMMANDS:
        if safe:
            parts.append(f"{safe:,} fixable with --fix")
        if unsafe:
            parts.append(f"{unsafe:,} {'more ' if safe else ''}fixable with --fix --unsafe-fixes")
    said = f"{', '.join(parts)}. " if parts else ""
    code = next((finding.code for finding in document.findings if finding.code), "")
    return f"{said}Explain one: tunewell explain {code}" if code else said.strip()
