"""Faults of saving and resuming, in folders that real runs have left."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.planted.planting import ENOUGH
from tests.preflight import tiny

from tunewell.api.preflight import check_trainer
from tunewell.checks.errors.known_exception import known_exception
from tunewell.core.finding import Severity
from tunewell.engine.settings import Settings
from tunewell.subjects.log_text import LogText
from tunewell.testing import run_check
from tunewell.train.quiet import quiet

STOPPED = {"save_strategy": "steps", "save_steps": 2, "max_steps": 2}


def stopped(out: Path, **settings: Any) -> None:
    """A run that is stopped after two of 200 steps, with a checkpoint."""
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            control.should_training_stop = state.global_step == STOPPED["save_steps"]

    trainer = tiny.classifier(out, **{**STOPPED, **ENOUGH, **settings})
    trainer.add_callback(Stop())
    tiny.train(trainer)


def resumed(out: Path, **settings: Any) -> Any:
    stopped(out, **settings)
    return tiny.classifier(out, **{**STOPPED, **ENOUGH, **settings})


def from_the_checkpoint(out: Path) -> Any:
    """The weights of the run that was stopped, in a trainer that starts at step 0."""
    from transformers import BertForSequenceClassification

    stopped(out)
    with quiet(1):
        model = BertForSequenceClassification.from_pretrained(out / "checkpoint-2")
    return tiny.classifier(out, model=model, **{**STOPPED, **ENOUGH})


def beside_older_ones(out: Path, **settings: Any) -> Any:
    stopped(out)
    os.utime(out / "checkpoint-2", (2, 2))
    return tiny.classifier(out, **{**STOPPED, **ENOUGH, **settings})


FAULTS = [
    pytest.param(
        lambda out: resumed(out, save_only_model=True), resumed, True, "ADA010", "optimizer",
        marks=pytest.mark.reproduces("S19"),
        id="S19 resumed without the optimizer",
    ),
    pytest.param(
        from_the_checkpoint, resumed, None, "ADA011", "checkpoint-2",
        marks=pytest.mark.reproduces("S24"),
        id="S24 a checkpoint taken for resume",
    ),
    pytest.param(
        lambda out: beside_older_ones(out, save_total_limit=2), beside_older_ones, None,
        "ADA012", "deletes 1 checkpoint of an earlier one",
        marks=pytest.mark.reproduces("S29"),
        id="S29 the limit deletes an older checkpoint",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("faulty", "healthy", "resume", "code", "cause"), FAULTS)
def test_the_cause_comes_first(
    faulty: Callable[[Path], Any],
    healthy: Callable[[Path], Any],
    resume: bool | None,
    code: str,
    cause: str,
    tmp_path: Path,
) -> None:
    first = check_trainer(faulty(tmp_path / "faulty"), Settings(), resume=resume).findings[0]
    assert first.code == code, f"{first.code} {first.message}"
    assert cause in first.message
    resume = True if healthy is resumed else None
    said = check_trainer(healthy(tmp_path / "healthy"), Settings(), resume=resume).findings
    assert not [f"{f.code} {f.message}" for f in said if f.severity is not Severity.INFO]


def test_a_checkpoint_is_unpickled_again(tmp_path: Path) -> None:
    # S23 no longer exists in its classic form: transformers 5.23 lets the generators' states of
    # numpy pass, and the run goes on. What torch refuses beside them is known by its message.
    import torch

    trainer = resumed(tmp_path, max_steps=3)
    with quiet(1):
        trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 3
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed") as raised:
        torch.load(tmp_path / "checkpoint-2" / "training_args.bin")
    log = LogText((f"{raised.typename}: {raised.value}".replace("\n", " "),))
    found = run_check(known_exception, (log,)).findings[0]
    assert "torch loads only plain weights and the file holds other objects" in found.message
