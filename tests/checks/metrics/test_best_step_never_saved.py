"""MET010 best-step-never-saved, beside what the real Trainer does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model, saved_steps, token_rows

from tunewell.checks.metrics.best_step_never_saved import best_step_never_saved
from tunewell.core.finding import Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases, dataset, run_check

BY_STEPS = Saving(eval_strategy="steps", save_strategy="steps", eval_steps=2, save_steps=2)
ROWS = dataset(["a b"] * 64, ["x"] * 64)


def recipe(*, steps: int = 12, best: bool = True, **saving: Any) -> Recipe:  # noqa: ANN401
    """A recipe of transformers that asks for the best checkpoint."""
    return Recipe(
        max_steps=steps,
        load_best_model_at_end=best,
        saving=dataclasses.replace(BY_STEPS, **saving),
        format="transformers",
    )


class TestBestStepNeverSaved(CheckCases):
    """Planted, nearly faulty and clean settings."""

    check = best_step_never_saved
    faulty = {
        "saved at the end alone": (recipe(save_steps=500),),
        "every second one saved": (recipe(save_steps=4),),
        "the same, length not known": (recipe(steps=-1, save_steps=4),),
        "the same, length from the rows": (recipe(steps=-1, save_steps=4), ROWS),
        "no multiple": (recipe(save_steps=3),),
        "strategies differ": (recipe(eval_strategy="epoch"),),
        "never evaluated": (recipe(eval_strategy="no"),),
        "neither evaluated nor saved": (recipe(eval_strategy="no", save_strategy="no"),),
        "evaluated once": (recipe(eval_steps=500, save_steps=500),),
        "shares out of step": (recipe(eval_steps=0.2, save_steps=0.3),),
        "a share and a number": (recipe(eval_steps=0.2, save_steps=3),),
    }
    nearly = {
        "evaluated twice": (recipe(eval_steps=6, save_steps=6),),
        "nothing is chosen": (recipe(best=False, save_steps=500),),
        "saved when it is best": (recipe(save_strategy="best", save_steps=500),),
        "evaluated as it is logged": (recipe(eval_steps=None, logging_steps=4, save_steps=4),),
        "the same share": (recipe(eval_steps=0.1, save_steps=0.1),),
        "Tunewell's own": (Recipe(),),
        "a file of DeepSpeed, which does not say": (
            Recipe(format="deepspeed", unknown=frozenset({"load_best_model_at_end"})),
        ),
    }
    clean = {
        "each one saved": (recipe(),),
        "by the epoch": (recipe(eval_strategy="epoch", save_strategy="epoch"),),
    }


def run(folder: Path, **changed: Any) -> Any:  # noqa: ANN401  transformers has no types
    """A run of 12 steps of which the second evaluation is the best."""
    from transformers import Trainer

    scores = iter([0.2, 0.9, *[0.1] * 99])
    trainer = Trainer(
        model=language_model(),
        args=arguments(
            folder,
            **{
                "max_steps": 12,
                "eval_strategy": "steps",
                "save_strategy": "steps",
                "eval_steps": 2,
                "save_steps": 2,
                "load_best_model_at_end": True,
                "metric_for_best_model": "score",
                **changed,
            },
        ),
        train_dataset=token_rows(16),
        eval_dataset=token_rows(4),
        compute_metrics=lambda _: {"score": next(scores)},
    )
    trainer.train()
    return trainer


@pytest.mark.reproduces("E05")
def test_the_trainer_really_loads_nothing(tmp_path: Path) -> None:
    """Evaluated every 2 steps, best at 4, saved at 12: no checkpoint is loaded, no word is said."""
    trainer = run(tmp_path, save_steps=500)
    assert trainer.state.best_global_step == 4
    assert trainer.state.best_model_checkpoint is None
    assert saved_steps(tmp_path) == [12]
    found = run_check(best_step_never_saved, (recipe_of(trainer),)).findings[0]
    assert found.severity is Severity.ERROR
    assert "of 6 evaluated steps only the last is saved" in found.message


def test_the_trainer_loads_the_best_of_those_that_are_saved(tmp_path: Path) -> None:
    """The healthy twin."""
    trainer = run(tmp_path)
    assert trainer.state.best_model_checkpoint.endswith("checkpoint-4")
    assert not run_check(best_step_never_saved, (recipe_of(trainer),)).findings


@pytest.mark.parametrize(
    "saving",
    [
        {"save_steps": 3},
        {"eval_strategy": "epoch"},
        {"eval_strategy": "no"},
        {"eval_steps": 0.2, "save_steps": 0.3},
        {"eval_steps": 0.2, "save_steps": 3},
    ],
)
def test_transformers_really_refuses(tmp_path: Path, saving: dict[str, Any]) -> None:
    """What the finding calls refused."""
    by_steps = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 2}
    with pytest.raises(ValueError, match="load_best_model_at_end"):
        arguments(tmp_path, load_best_model_at_end=True, **{**by_steps, **saving})
    found = run_check(best_step_never_saved, (recipe(**saving),)).findings[0]
    assert found.message.startswith("the run is refused")
