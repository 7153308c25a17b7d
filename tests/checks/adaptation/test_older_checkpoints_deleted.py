"""ADA012 older-checkpoints-deleted, beside a real run in a folder that is in use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model, saved_steps, token_rows

from tunewell.checks.adaptation.older_checkpoints_deleted import older_checkpoints_deleted
from tunewell.core.finding import Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.output_folder import read_output_folder
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases, dataset, run_check

OUT = Path("out")


def saved(step: int) -> SavedStep:
    """A checkpoint, the later the younger."""
    return SavedStep(
        OUT / f"checkpoint-{step}", step, 20, frozenset({"model.safetensors"}), float(step)
    )


TWO = OutputFolder(OUT, (saved(10), saved(20)))


def recipe(*, limit: int | None = 2, **saving: Any) -> Recipe:  # noqa: ANN401
    """A run of 6 steps that saves every 3."""
    settings = {"save_steps": 3, "save_total_limit": limit, **saving}
    return Recipe(max_steps=6, saving=Saving(**settings), format="transformers")


class TestOlderCheckpointsDeleted(CheckCases):
    """Planted, nearly faulty and clean folders."""

    check = older_checkpoints_deleted
    faulty = {
        "both go": (recipe(), TWO),
        "the older goes": (recipe(limit=3), TWO),
        "one save at least": (recipe(save_strategy="epoch"), TWO),
        "the length by the rows": (Recipe(saving=Saving(save_total_limit=2)), TWO,
                                   dataset(["a"] * 64, ["x"] * 64)),
        "the model it starts from": (
            recipe(limit=3),
            OutputFolder(OUT, TWO.checkpoints, starting_model=saved(10)),
        ),
    }  # fmt: skip
    nearly = {
        "room for all": (recipe(limit=4), TWO),
        "no limit": (recipe(limit=None), TWO),
        "nothing is saved": (recipe(save_strategy="no"), TWO),
        "the run goes on": (recipe(resume_from_checkpoint=True), TWO),
    }
    clean = {"an empty folder": (recipe(limit=1), OutputFolder(OUT))}


@pytest.mark.reproduces("S29")
def test_transformers_really_deletes_them(tmp_path: Path) -> None:
    """Two old checkpoints, a limit of two, two saves: the old ones are gone, model and all."""
    from transformers import AutoModelForCausalLM, Trainer

    def trainer(model: Any, **changed: Any) -> Any:  # noqa: ANN401
        return Trainer(
            model=model, args=arguments(tmp_path, **changed), train_dataset=token_rows(32)
        )

    trainer(language_model(), max_steps=20, save_steps=10).train()
    for step in saved_steps(tmp_path):
        os.utime(tmp_path / f"checkpoint-{step}", (step, step))
    start = tmp_path / "checkpoint-20"
    lies_there = read_output_folder(tmp_path, model=start)
    again = trainer(
        AutoModelForCausalLM.from_pretrained(start), max_steps=6, save_steps=3, save_total_limit=2
    )
    found = run_check(older_checkpoints_deleted, (recipe_of(again), lies_there)).findings[0]
    assert found.severity is Severity.ERROR
    again.train()
    assert saved_steps(tmp_path) == [3, 6]


def test_the_best_checkpoint_and_the_last_are_kept(tmp_path: Path) -> None:
    """What older versions deleted: with a limit of one, 5.23 keeps the best to the end."""
    from transformers import Trainer

    scores = iter([0.2, 0.9, *[0.1] * 99])
    Trainer(
        model=language_model(),
        args=arguments(
            tmp_path,
            max_steps=10,
            eval_strategy="steps",
            eval_steps=2,
            save_steps=2,
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="score",
        ),
        train_dataset=token_rows(32),
        eval_dataset=token_rows(4),
        compute_metrics=lambda _: {"score": next(scores)},
    ).train()
    assert saved_steps(tmp_path) == [4]
