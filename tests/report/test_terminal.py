"""What a person reads in a terminal."""

from __future__ import annotations

import re

import msgspec
import pytest
from rich.cells import cell_len
from tests.report.samples import (
    EMPTY,
    RATE,
    SAMPLES,
    check_document,
    healthy_document,
    hostile_document,
    tune_document,
)

from tunewell.core.document import Document
from tunewell.core.finding import DropRows, Fix, Safety
from tunewell.report import words
from tunewell.report.render import render

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    """Chinese characters and emoji take two columns, very long words are broken."""
    text = render(SAMPLES[name](), width=width, verbose=True)
    too_wide = [line for line in text.splitlines() if cell_len(line) > width]
    assert not too_wide


@pytest.mark.parametrize("name", SAMPLES)
def test_colour_changes_nothing_but_colour(name: str) -> None:
    """The coloured text without its escapes is the plain text."""
    plain = render(SAMPLES[name](), verbose=True)
    coloured = render(SAMPLES[name](), verbose=True, colour=True)
    assert coloured != plain
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("style", ["full", "concise"])
def test_escapes_in_data_do_not_reach_the_terminal(style: str) -> None:
    """A row of data can neither colour, move the cursor, retitle the window nor turn text."""
    text = render(hostile_document(), style, verbose=True)
    assert not set(text) & set("\x1b\x07\x00\u202e\u2028\r")
    assert "\\x1b" in text
    assert "\x1b]" not in render(hostile_document(), style, colour=True)


def test_no_colour_means_no_escape() -> None:
    """Plain text holds no escape sequence at all."""
    assert "\x1b" not in render(tune_document(), verbose=True)


def test_environment_does_not_change_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Width and colour are arguments; the terminal at hand has no say."""
    expected = render(check_document(), colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    assert render(check_document(), colour=True) == expected


def test_concise_is_one_line_a_finding() -> None:
    """Editors read `path:line: ...`, so no line is wrapped."""
    lines = render(check_document(), "concise", width=60).splitlines()
    findings = check_document().findings
    assert lines[0] == "data/train.csv:112: error[DAT004] [*] 37 of 512 rows have no text"
    for line, finding in zip(lines, findings, strict=False):
        assert line.endswith(finding.message)


def test_healthy_says_so_in_one_sentence() -> None:
    """The verdict, and what it rests on."""
    assert render(healthy_document()).splitlines() == [
        "Nothing wrong was found by 7 checks.",
        "train.csv: training data, 10,003 rows of single-label classification",
        "test.csv: evaluation data, 3,080 rows of single-label classification",
        "No findings from 7 checks; 7 passed, 1 not run (--verbose lists them)",
    ]


def test_verbose_lists_every_outcome() -> None:
    """What passed, what was not run and why, and what was taken for what."""
    document = check_document()
    text = " ".join(render(document, verbose=True).split())
    for outcome in (*document.passed, *document.not_run, *document.not_applicable):
        assert f"{outcome.check} {outcome.name}: {outcome.reason}" in text
    for thing in document.examined:
        assert f"{thing.path}: {thing.what}, {thing.reason}" in text


def test_broken_checks_are_always_shown() -> None:
    """Whether or not more was asked for."""
    for style in ("full", "concise"):
        assert "broken[DAT022] odd-language: KeyError" in render(check_document(), style)


def test_what_to_do_next_counts_safe_and_unsafe_fixes() -> None:
    """Advice without an edit is not fixable; only a command that fixes offers it."""
    safe = Fix(title="t", safety=Safety.SAFE, edits=(DropRows(split="train", rows=(1,)),))
    advice = Fix(title="t", safety=Safety.MANUAL)
    findings = (
        EMPTY,
        msgspec.structs.replace(RATE, fixes=(safe,)),
        msgspec.structs.replace(RATE, fixes=(advice,)),
    )
    document = Document(command="check", verdict="v", tunewell="0", findings=findings)
    assert words.next_steps(document) == (
        "1 fixable with --fix, 1 more fixable with --fix --unsafe-fixes. "
        "Explain one: tunewell explain DAT004"
    )
    other = msgspec.structs.replace(document, command="diagnose")
    assert words.next_steps(other) == "Explain one: tunewell explain DAT004"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (7.2265625, "%", "7.23 %"),
        (1, "rows", "1 row"),
        (1204, "rows", "1,204 rows"),
        (5e-5, "", "5e-05"),
        (None, "%", "not finite"),
        (float("inf"), "", "not finite"),
        (93.0, "seconds", "1 min 33 s"),
        (3.2e9, "bytes", "3.2 GB"),
        (-1234.5, "", "-1,234"),
        (0.0, "%", "0 %"),
    ],
)
def test_figures(value: float | None, unit: str, said: str) -> None:
    """Numbers as a person writes them."""
    assert words.figure(value, unit) == said
