"""Every text format against a file that was looked at.

To accept a change: TUNEWELL_GOLDEN=write pytest tests/report/test_golden.py, then read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.report.samples import (
    check_document,
    healthy_document,
    run_document,
    runs_document,
    tune_document,
)

from tunewell.core.document import Document
from tunewell.report.markdown import escape
from tunewell.report.render import render

FOLDER = Path(__file__).parents[1] / "golden" / "report"
DOCUMENTS = {
    "check": check_document,
    "healthy": healthy_document,
    "run": run_document,
    "runs": runs_document,
    "tune": tune_document,
}
FORMATS = {
    "terminal.txt": {"format": "full"},
    "verbose.txt": {"format": "full", "verbose": True},
    "narrow.txt": {"format": "full", "width": 60},
    "ansi": {"format": "full", "colour": True},
    "concise.txt": {"format": "concise"},
    "md": {"format": "markdown"},
    "sarif": {"format": "sarif"},
    "xml": {"format": "junit"},
    "github.txt": {"format": "github"},
}


def same_as_golden(name: str, text: str) -> None:
    """Compare, or write where the environment asks for it."""
    path = FOLDER / name
    if os.environ.get("TUNEWELL_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_format_is_as_it_was_looked_at(name: str, suffix: str) -> None:
    """A change of any word or column shows in a diff."""
    document: Document = DOCUMENTS[name]()
    same_as_golden(f"{name}.{suffix}", render(document, **FORMATS[suffix]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a_b *c*", "a\\_b \\*c\\*"),
        ("- no list", "\\- no list"),
        ("12. no list", "12\\. no list"),
        ("rose by 3. Then", "rose by 3. Then"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("@someone #12 [x](y)", "\\@someone \\#12 \\[x\\](y)"),
    ],
)
def test_markdown_escapes(text: str, said: str) -> None:
    """Rows of data neither format a comment, nor call people, nor link."""
    assert escape(text) == said
