"""HYP005 best-model-chosen-backwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.checks.tiny_trainers import arguments, language_model

from tunewell.checks.hyperparameters.best_model_chosen_backwards import best_model_chosen_backwards
from tunewell.facts.metric_names import FALLING, RISING
from tunewell.preflight.arguments import recipe_of
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases, run_check


class TestBestModelChosenBackwards(CheckCases):
    """Planted, nearly faulty and clean directions."""

    check = best_model_chosen_backwards
    faulty = {
        "an error rate without direction": (Recipe(metric_for_best_model="eval_error"),),
        "word error rate without direction": (Recipe(metric_for_best_model="wer"),),
        "an error rate of one of several sets": (Recipe(metric_for_best_model="eval_test_wer"),),
        "saved when it is best": (
            Recipe(
                metric_for_best_model="mae",
                load_best_model_at_end=False,
                saving=Saving(save_strategy="best"),
            ),
        ),
        "loss upside down": (Recipe(metric_for_best_model="eval_loss", greater_is_better=True),),
        "accuracy upside down": (
            Recipe(metric_for_best_model="eval_accuracy", greater_is_better=False),
        ),
    }
    nearly = {
        "an unknown metric": (Recipe(metric_for_best_model="eval_cost_index"),),
        "nothing is chosen": (
            Recipe(metric_for_best_model="eval_error", load_best_model_at_end=False),
        ),
        "an error rate with its direction": (
            Recipe(metric_for_best_model="eval_error", greater_is_better=False),
        ),
    }
    clean = {
        "the default": (Recipe(),),
        "macro-F1": (Recipe(metric_for_best_model="eval_f1"),),
    }


@pytest.mark.reproduces("E02")
@pytest.mark.parametrize("metric", sorted(FALLING | RISING | {"eval_wer", "val_mae", "val_loss"}))
def test_transformers_takes_this_direction(tmp_path: Path, metric: str) -> None:
    """The arguments of 5.23 guess, and the check speaks where they guess wrong."""
    from transformers import Trainer

    settings = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    args = arguments(tmp_path, metric_for_best_model=metric, **settings)
    last = metric.rpartition("_")[2]
    falls = metric in FALLING or last in FALLING
    assert args.greater_is_better is (not metric.endswith("loss"))
    written = Recipe(metric_for_best_model=metric, format="transformers")
    assert bool(run_check(best_model_chosen_backwards, (written,)).findings) is (
        falls and not metric.endswith("loss")
    )
    if metric == "wer":
        trainer = Trainer(language_model(), args, eval_dataset=[{"input_ids": [3]}])
        assert run_check(best_model_chosen_backwards, (recipe_of(trainer),)).findings
