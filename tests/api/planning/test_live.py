"""Tests of plans and checks of trainers that stand, by the step they take themselves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import other_tasks, tiny

pytest.importorskip("torch")

from torch import nn

import tunewell
from tunewell.api import preflight as checking
from tunewell.api.planning.flags import Flags
from tunewell.api.planning.live import changed
from tunewell.api.planning.undecided import decided
from tunewell.engine.settings import Settings
from tunewell.plan.for_recipe import longest_row, memory_of, size_of
from tunewell.preflight.arguments import recipe_of
from tunewell.preflight.rehearse import checkpoint_of, stage_of
from tunewell.readers.machine import read_machine
from tunewell.subjects.machine import Machine
from tunewell.train.quiet import quiet

GPU = 16 * 1024**3


class Own(nn.Module):
    """A model without a configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 50)

    def forward(self, input_ids: Any, labels: Any) -> dict[str, Any]:  # noqa: ANN401  tensors
        """Logits and their loss."""
        logits = self.head(self.embedding(input_ids))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return {"loss": loss, "logits": logits}


def own(out: Path) -> Any:  # noqa: ANN401  transformers has no types
    """A Trainer of it."""
    from transformers import Trainer, default_data_collator

    rows = [{"input_ids": [1] * 9, "labels": [1] * 9}] * 12
    with quiet(1):
        return Trainer(Own(), args=tiny.arguments(out), train_dataset=rows,
                       data_collator=default_data_collator)  # fmt: skip


def with_gpu(size: int) -> Machine:
    """This machine with an L4 of so many bytes."""
    return dataclasses.replace(read_machine(), gpu_name="L4", gpu_bytes=size, gpus=1)


def test_a_class_of_ones_own_is_planned(tmp_path: Path) -> None:
    """No configuration, no formula: the simulation alone."""
    found = tunewell.plan(own(tmp_path), gpu="L4")
    assert found.facts["memory"]["method"] == "simulated"
    assert found.facts["memory"]["parameters"] == 50 * 8 + 8 * 50 + 50
    assert found.facts["time"]["rows"] == 12
    told = next(section for section in found.sections if section.id == "memory")
    assert "with your Own and the longest batch of your collator (input_ids of" in told.text
    assert "It fits in L4" in told.text


def test_without_a_simulation_there_is_no_step(tmp_path: Path) -> None:
    """Nothing is known of the memory then, and the plan says why."""
    found = tunewell.plan(own(tmp_path), gpu="L4", simulate=False)
    assert "memory" not in found.facts
    assumed = next(section for section in found.sections if section.id == "assumed")
    assert "The step was not simulated: no simulation was asked for." in assumed.text


def test_flags_that_change_the_step_leave_the_trainers_own() -> None:
    """A GPU and a number of rows do not; a batch does."""
    assert not changed(Flags(gpu="L4", rows=7, epochs=2.0))
    assert changed(Flags(batch=2))
    assert changed(Flags(checkpointing=False))


def test_only_what_the_formula_leaves_open_is_simulated(tmp_path: Path) -> None:
    """Well below its high end and above its low end the formula is enough."""
    trainer = other_tasks.classifier(tmp_path)
    recipe, stage = recipe_of(trainer), stage_of(trainer)
    assert stage is not None
    checkpoint = checkpoint_of(stage)
    size = size_of(checkpoint, task=recipe.task)
    assert size is not None
    memory = memory_of(recipe, checkpoint, size, batch=recipe.per_device_train_batch_size,
                       length=longest_row(recipe, checkpoint, None))  # fmt: skip
    assert decided(recipe, checkpoint, with_gpu(2 * memory.high), trainer) is None
    assert decided(recipe, checkpoint, with_gpu(memory.low - 1), trainer) is None
    no_gpu = dataclasses.replace(read_machine(), gpu_name=None, gpu_bytes=None)
    assert decided(recipe, checkpoint, no_gpu, trainer) is None
    between = decided(recipe, checkpoint, with_gpu((memory.low + memory.high) // 2), trainer)
    assert between is not None
    assert between.exact
    assert decided(recipe, None, with_gpu(GPU), trainer) is not None


def test_a_check_uses_the_simulated_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HW001 says what the simulation says where the formula leaves it open, in seconds."""
    trainer = own(tmp_path)
    monkeypatch.setattr(checking, "read_machine", lambda: with_gpu(100 * 1024**2))
    found = checking.check_trainer(trainer, Settings())
    assert any(finding.code == "HW001" for finding in found.findings)
    assert 0 < found.facts["rehearsal_seconds"]["Needed"] < 10
    monkeypatch.setattr(checking, "read_machine", lambda: with_gpu(GPU))
    found = checking.check_trainer(trainer, Settings())
    assert all(finding.code != "HW001" for finding in found.findings)
