"""`tunewell diagnose` as a user calls it."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from tests.cli.conftest import Run
from tests.readers.logs.fixture_logs import LOGS


def test_a_log_is_pasted(tunewell: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tunewell diagnose - < err.txt`."""
    content = (LOGS / "transformers_text" / "died.txt").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    ended = tunewell("diagnose", "-")
    assert ended.status == 1
    assert "GPU out of memory" in ended.out
    assert "printed log (steps from the progress bar)" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_nothing_is_pasted(tunewell: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    ended = tunewell("diagnose", "-")
    assert ended.status == 2
    assert ended.err.strip() == "error: standard input: the log is empty"


def test_one_of_several_runs(tunewell: Run) -> None:
    """By the end of its name; the output says which it was."""
    ended = tunewell("diagnose", LOGS / "transformers_text" / "pasted.txt", "--run", ":1")
    assert ended.status == 0
    assert "pasted.txt:1, given with --run of 2 runs" in " ".join(ended.out.split())
    wrong = tunewell("diagnose", LOGS / "lightning", "--run", "version_9")
    assert wrong.status == 2
    assert "no run called 'version_9'; the runs are version_" in " ".join(wrong.err.split())


def test_help_names_what_it_reads(tunewell: Run) -> None:
    """The formats, and how to paste."""
    text = " ".join(tunewell("diagnose", "--help").out.split())
    assert "--run" in text
    assert "tunewell diagnose - < err.txt" in text
