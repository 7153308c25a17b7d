"""A new kind of place, evidence or edit without a renderer fails here."""

from __future__ import annotations

import typing
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.report.samples import every_kind, kinds_document, run_document, runs_document

from tunewell.core.document import Cause, Document, Examined, Outcome, Section
from tunewell.core.errors import SettingsError
from tunewell.core.finding import (
    Chart,
    Classes,
    Confidence,
    Edit,
    Evidence,
    File,
    Finding,
    Fix,
    Key,
    Location,
    LogLine,
    Mark,
    Matrix,
    Row,
    Series,
    Steps,
    Table,
    Tensor,
    Text,
    Tokens,
)
from tunewell.core.finding import Number as Measured
from tunewell.core.proof import Estimate, Proof, Verdict
from tunewell.report.render import FORMATS, render

KINDS = (*typing.get_args(Location), *typing.get_args(Evidence), *typing.get_args(Edit))


class Visible(HTMLParser):
    """The text of a page outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter a script or style."""
        del attrs
        self.silent += tag in {"script", "style", "title"}

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        self.silent -= tag in {"script", "style", "title"}

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if not self.silent:
            self.parts.append(data)


def shown(page: str) -> str:
    """The words of a page, with single spaces."""
    parser = Visible()
    parser.feed(page)
    return " ".join(" ".join(parser.parts).split())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_sampled(kind: type) -> None:
    """The samples that the other tests rest on hold every kind there is."""
    assert any(name.startswith(f"{kind.__name__} ") for name in every_kind())


def _in_a_file(finding: Finding) -> bool:
    place = finding.where[0]
    return isinstance(place, File) or getattr(place, "file", None) is not None


def has_room(finding: Finding, format_: str) -> bool:
    """Whether a format shows the part that this sample is about."""
    if format_ == "concise":
        return bool(finding.where or any(fix.edits for fix in finding.fixes))
    if format_ == "github":
        return bool(finding.where) and _in_a_file(finding)
    if format_ == "sarif":
        return not finding.evidence
    return format_ != "junit" or bool(finding.where)


CASES = [
    (kind, format_)
    for kind, finding in every_kind().items()
    for format_ in FORMATS
    if has_room(finding, format_)
]


@pytest.mark.parametrize(("kind", "format_"), CASES)
def test_every_kind_adds_something(kind: str, format_: str) -> None:
    """The output with the place, evidence or edit differs from the output without it."""
    finding = every_kind()[kind]
    bare = msgspec.structs.replace(
        finding,
        where=(),
        where_total=0,
        evidence=(),
        fixes=tuple(msgspec.structs.replace(fix, edits=()) for fix in finding.fixes),
    )
    assert _one(finding, format_) != _one(bare, format_)


def _one(finding: Finding, format_: str) -> str:
    text = render(
        Document(command="check", verdict="v", tunewell="0", findings=(finding,)), format_
    )
    # The page embeds the document, in which everything is anyway.
    return shown(text) + str(text.count("<svg")) if format_ == "html" else text


def test_curves_of_several_runs_lie_in_one_picture() -> None:
    """Two metrics of three runs are two pictures, and a terminal draws a line a run."""
    page = render(runs_document(), "html")
    assert page.count('class="curve"') == 2
    assert page.count("<svg") == 2
    lines = [line for line in render(runs_document()).splitlines() if "seed 1" in line]
    assert len(lines) == 2


@pytest.mark.parametrize("format_", ["full", "markdown", "html", "json"])
def test_every_part_of_a_cause_is_shown(format_: str) -> None:
    """Its title, what speaks for and against it, what would refute it, what was not checked."""
    document = run_document()
    text = render(document, format_)
    text = shown(text) if format_ == "html" else " ".join(text.replace("\\", "").split())
    for cause in document.causes:
        parts = (
            cause.title,
            *cause.speaks_for,
            *cause.speaks_against,
            cause.would_refute,
            cause.fix,
        )
        for part in (*parts, *cause.not_checked):
            assert part in text
    if format_ != "json":
        assert text.index("Most likely cause") < text.rindex(document.findings[0].message)
        assert "follows from" in text


def test_unknown_format_is_a_sentence() -> None:
    """It names the formats there are."""
    with pytest.raises(SettingsError, match="full, concise, json, jsonl, sarif"):
        render(kinds_document(), "pdf")


# -- any document at all -----------------------------------------------------------------------

texts = st.text(max_size=12)
steps = st.integers(-3, 10**7)
numbers = st.floats(allow_nan=True, allow_infinity=True)
shares = st.floats(0, 1)
whole = st.integers(-5, 10**9)


def tuples(of: st.SearchStrategy[typing.Any], size: int = 4) -> st.SearchStrategy[typing.Any]:
    """Short tuples."""
    return st.lists(of, max_size=size).map(tuple)


locations = st.one_of(
    st.builds(Row, split=texts, index=whole, file=st.none() | texts, line=st.none() | whole),
    st.builds(Key, path=texts, file=st.none() | texts, line=st.none() | whole),
    st.builds(Steps, metric=st.sampled_from(["loss", "x"]), first=steps, last=steps),
    st.builds(LogLine, file=texts, line=whole),
    st.builds(File, path=texts),
    st.builds(Classes, names=tuples(texts, 7)),
    st.builds(Tensor, name=texts),
)
evidence = st.one_of(
    st.builds(
        Measured, name=texts, value=st.none() | numbers, bound=texts, unit=texts,
        low=st.none() | numbers, high=st.none() | numbers,
    ),
    st.builds(
        Series, name=st.sampled_from(["loss", "x"]), steps=tuples(steps),
        values=tuples(st.none() | numbers),
        marks=tuples(st.builds(Mark, step=steps, text=texts, last=st.none() | steps)),
        of=st.just("") | st.sampled_from(["A", "A, seed 1", "B"]) | texts,
    ),
    st.builds(
        Table, name=texts, columns=tuples(texts), total=whole,
        rows=tuples(tuples(st.none() | texts | numbers | whole)),
    ),
    st.builds(Matrix, name=texts, labels=tuples(texts), counts=tuples(tuples(whole))),
    st.builds(Tokens, name=texts, pieces=tuples(texts), trained=tuples(st.booleans())),
    st.builds(Text, name=texts, text=texts),
    st.builds(
        Chart, name=texts, spec=st.dictionaries(st.sampled_from(["mark", "data", "url"]), texts)
    ),
)  # fmt: skip
edits = st.one_of(*(st.from_type(kind) for kind in typing.get_args(Edit)))
fixes = st.builds(Fix, edits=tuples(edits, 2), title=texts)
findings = st.builds(
    Finding, message=texts, where=tuples(locations, 3), evidence=tuples(evidence, 3),
    impact=texts, fixes=tuples(fixes, 2), code=texts, name=texts, family=texts,
    fingerprint=texts, where_total=whole, because_of=texts,
)  # fmt: skip
estimates = st.builds(Estimate, name=texts, value=numbers, low=numbers, high=numbers)
proofs = st.builds(
    Proof, title=texts, verdict=st.sampled_from(Verdict), sentence=texts, metric=texts,
    control=estimates, change=estimates, difference=estimates, p_value=shares, fixed=whole,
    broke=whole, rows=whole, seeds=tuples(whole), kept=st.booleans(), reason=texts,
    edits=tuples(edits, 2), rows_needed=st.none() | whole, seconds=st.none() | st.floats(0, 1e6),
)  # fmt: skip
outcomes = st.builds(Outcome, check=texts, name=texts, reason=texts)
sections = st.builds(
    Section, id=st.sampled_from(["curves", "before-after", "overlaid", "other"]), title=texts,
    text=texts, evidence=tuples(evidence, 3),
)  # fmt: skip
causes = st.builds(
    Cause, id=texts, title=texts, confidence=st.sampled_from(Confidence), explains=tuples(texts),
    root=texts, speaks_for=tuples(texts), speaks_against=tuples(texts),
    would_refute=texts, fix=texts,
    not_checked=tuples(texts), rivals=tuples(texts),
)  # fmt: skip
documents = st.builds(
    Document, command=texts, verdict=texts, tunewell=texts, title=texts, causes=tuples(causes, 3),
    findings=tuples(findings, 3), passed=tuples(outcomes, 2), not_run=tuples(outcomes, 2),
    not_applicable=tuples(outcomes, 2), broken=tuples(outcomes, 2),
    suppressed=tuples(findings, 1), sections=tuples(sections, 3), proofs=tuples(proofs, 2),
    examined=tuples(st.builds(Examined, what=texts, path=texts, reason=texts), 2),
    facts=st.dictionaries(texts, texts | whole | numbers, max_size=3),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents, verbose=st.booleans(), width=st.integers(1, 130))
def test_any_document_is_drawn_in_every_format(
    document: Document, verbose: bool, width: int
) -> None:
    """Whatever a check or a file says, a renderer never fails, and ends its last line."""
    for format_ in FORMATS:
        text = render(document, format_, width=width, verbose=verbose)
        assert not text or text.endswith("\n")
        assert "\x1b" not in text
