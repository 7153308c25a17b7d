"""Healthy trainers of every task: no error, no warning, nothing broken, no rehearsal that fails."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import other_tasks

import tunewell
from tunewell.core.finding import Severity


@pytest.mark.parametrize("build", other_tasks.HEALTHY.values(), ids=other_tasks.HEALTHY)
def test_nothing_is_said(build: Callable[..., Any], tmp_path: Path) -> None:
    trainer = build(tmp_path / "out", max_steps=200)  # as many steps as a real run takes
    files = sorted(tmp_path.rglob("*"))
    document = tunewell.check(trainer)
    said = [f"{f.code} {f.message}" for f in document.findings if f.severity is not Severity.INFO]
    assert not said
    assert not document.broken
    assert not [o for o in document.not_run if "failed" in o.reason or "raises" in o.reason]
    assert sorted(tmp_path.rglob("*")) == files
