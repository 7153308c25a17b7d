"""A fault planted in a real trainer, and what `tunewell.check` has to say of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tunewell
from tunewell.core.document import Document
from tunewell.core.finding import Severity
from tunewell.train.quiet import quiet

Build = Callable[[Path], Any]
"""Builds a trainer that would write to a folder."""

ENOUGH = {"max_steps": 200}
"""As many steps as a real run takes: fewer are a finding of their own."""


def long_enough(trainer: Any) -> Any:
    """The trainer with as many steps as a real run takes."""
    trainer.args.max_steps = ENOUGH["max_steps"]
    return trainer


def unjudged(trainer: Any) -> Any:
    """The same without evaluation, whose rows may be some of the training set."""
    trainer.eval_dataset = None
    trainer.args.eval_strategy = type(trainer.args.eval_strategy)("no")
    return long_enough(trainer)


@dataclasses.dataclass(frozen=True)
class Planted:
    """A trainer with a fault, its healthy twin, and the finding that has to come first."""

    faulty: Build
    healthy: Build
    code: str
    cause: str


def checked(build: Build, folder: Path) -> Document:
    """The document of a trainer that is built in a folder."""
    with quiet(1):
        trainer = build(folder)
    document = tunewell.check(trainer)
    assert not document.broken
    return document


def assert_found(planted: Planted, folder: Path) -> None:
    """The cause is the first finding, and of the healthy twin nothing is said but advice."""
    first = checked(planted.faulty, folder / "faulty").findings[0]
    assert first.code == planted.code, f"{first.code} {first.message}"
    assert planted.cause in first.message
    said = checked(planted.healthy, folder / "healthy").findings
    assert planted.code not in {finding.code for finding in said}
    assert not [f"{f.code} {f.message}" for f in said if f.severity is not Severity.INFO]
