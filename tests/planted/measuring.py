"""Real trainings, watched by `tunewell.Watch`, as the traces that their run folders tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunewell.core.finding import Finding
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.readers.logs import INSIDE, read_run
from tunewell.subjects.trace import Trace
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """A training that was watched: its output folder and the Trainer's last state."""

    folder: Path
    state: Any

    def trace(self) -> Trace:
        """What the run folder tells."""
        assert '"broken"' not in (self.folder / INSIDE / "events.jsonl").read_text()
        return read_run(self.folder)[0]


def watch(trainer: Any) -> Any:
    """The trainer, watched; callbacks that are added after this see what was recorded before."""
    trainer.add_callback(Watch(announce=None))
    return trainer


def trained(trainer: Any, *, resume: Any = None) -> Watched:
    """Train, watched."""
    callbacks = trainer.callback_handler.callbacks
    if not any(isinstance(callback, Watch) for callback in callbacks):
        watch(trainer)
    with quiet(1):
        trainer.train(resume_from_checkpoint=resume)
    return Watched(Path(trainer.args.output_dir), trainer.state)


def said(subjects: Iterable[object], *codes: str, **options: Any) -> list[Finding]:
    """The findings over these subjects: of every check, or of those named, with their options."""
    settings = Settings(select=codes, checks={code: options for code in codes if options})
    outcomes = examine(tuple(subjects), settings=settings)
    assert not outcomes.broken, outcomes.broken
    return outcomes.findings
