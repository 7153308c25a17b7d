"""A cause planted in a real training is the first that is named, from the log alone."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from tests.planted.caused import Setup, train

from tunewell.api.diagnose import diagnose
from tunewell.api.given import Given
from tunewell.core.document import Document
from tunewell.engine.settings import Settings

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="needs the training extra"
    ),
    pytest.mark.slow,
]

HEALTHY = Setup(classes=3, rows=200, steps=220, seed=5, rate=2.5e-3)
PLANTED: dict[str, dict[str, Any]] = {
    "rate-too-high": {"rate": 0.4},
    "rate-too-low": {"rate": 1e-6},
    "run-too-short": {"steps": 20, "warm_up": 2, "log": 1},
    "part-not-trained": {"part_left_out": True},
    "values-not-finite": {"not_a_number_at": 70},
    "labels-wrong": {"labels_shuffled": True},
    "order-of-rows": {"sorted_rows": True, "steps": 140},
}


def diagnosed(setup: Setup, folder: Path) -> Document:
    """What `tunewell diagnose` says of a run."""
    return diagnose(Given(paths=(train(setup, folder),)), Settings())


@pytest.mark.parametrize("cause", PLANTED)
def test_the_cause_that_was_planted_is_the_first_one_named(cause: str, tmp_path: Path) -> None:
    """The first finding is one that it explains, and the verdict says its name."""
    document = diagnosed(dataclasses.replace(HEALTHY, **PLANTED[cause]), tmp_path)
    assert document.causes[0].id == cause
    assert document.findings[0].code in document.causes[0].explains
    assert document.causes[0].title[1:] in document.verdict
    assert document.causes[0].would_refute


def test_the_healthy_twin_has_none(tmp_path: Path) -> None:
    """The same task, trained well."""
    document = diagnosed(HEALTHY, tmp_path)
    assert not document.causes, document.verdict
