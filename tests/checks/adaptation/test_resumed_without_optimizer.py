"""ADA010 resumed-without-optimizer, beside real runs that are resumed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model, token_rows

from tunewell.checks.adaptation.resumed_without_optimizer import resumed_without_optimizer
from tunewell.preflight.arguments import recipe_of
from tunewell.preflight.rehearse import rehearse
from tunewell.readers.output_folder import read_output_folder
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases, run_check

OUT = Path("out")
WEIGHTS = ("config.json", "model.safetensors", "trainer_state.json")
WHOLE = (*WEIGHTS, "optimizer.pt", "scheduler.pt", "rng_state.pth")


def folder(*names: str, step: int = 500) -> OutputFolder:
    """An output folder with two checkpoints, the later one with files of these names."""
    first = SavedStep(OUT / "checkpoint-100", 100, 1000, frozenset(WHOLE))
    return OutputFolder(
        OUT, (first, SavedStep(OUT / f"checkpoint-{step}", step, 1000, frozenset(names)))
    )


def recipe(resumed: str | bool | None = True) -> Recipe:
    """A recipe that resumes."""
    return Recipe(saving=Saving(output_dir="out", resume_from_checkpoint=resumed))


class TestResumedWithoutOptimizer(CheckCases):
    """Planted, nearly faulty and clean checkpoints."""

    check = resumed_without_optimizer
    faulty = {
        "weights alone": (recipe(), folder(*WEIGHTS)),
        "no schedule": (recipe(), folder(*WEIGHTS, "optimizer.pt")),
        "no optimizer": (recipe(), folder(*WEIGHTS, "scheduler.pt")),
        "by its name": (recipe("out/checkpoint-500"), folder(*WEIGHTS)),
        "another folder's": (
            recipe("old/checkpoint-7"),
            dataclasses.replace(
                folder(*WHOLE),
                resumed=SavedStep(Path("old/checkpoint-7"), 7, None, frozenset(WEIGHTS)),
            ),
        ),
    }
    nearly = {
        "the earlier one, which is whole": (recipe("out/checkpoint-100"), folder(*WEIGHTS)),
        "not resumed": (recipe(None), folder(*WEIGHTS)),
        "switched off": (recipe("false"), folder(*WEIGHTS)),
        "nothing there": (recipe(), OutputFolder(OUT)),
        "elsewhere": (recipe("other/checkpoint-500"), folder(*WEIGHTS)),
    }
    clean = {
        "whole": (recipe(), folder(*WHOLE)),
        "sharded by FSDP": (recipe(), folder(*WEIGHTS, "optimizer_0", "scheduler.pt")),
        "sharded by DeepSpeed": (recipe(), folder(*WEIGHTS, "global_step500")),
    }


@pytest.mark.reproduces("S19")
@pytest.mark.parametrize("only_model", [True, False])
def test_the_schedule_really_starts_again(tmp_path: Path, *, only_model: bool) -> None:
    """Five steps are saved, then resumed to eight: the rate of step six tells which."""
    from transformers import Trainer

    def run(resumed: bool | None, **changed: Any) -> Any:  # noqa: ANN401
        trainer = Trainer(
            model=language_model(),
            args=arguments(tmp_path, learning_rate=1e-3, **changed),
            train_dataset=token_rows(32),
        )
        trainer.train(resume_from_checkpoint=resumed)
        return trainer

    run(None, max_steps=5, save_steps=5, save_only_model=only_model)
    lies_there = read_output_folder(tmp_path)
    trainer = run(True, max_steps=8, save_strategy="no")
    sixth = next(e["learning_rate"] for e in trainer.state.log_history if e.get("step") == 6)
    assert (sixth == 1e-3) is only_model
    resuming = recipe_of(trainer, resume=True)
    found = run_check(resumed_without_optimizer, (resuming, lies_there)).findings
    assert bool(found) is only_model
    seen = rehearse(trainer, resume=True).subjects
    assert bool(run_check(resumed_without_optimizer, tuple(seen)).findings) is only_model
