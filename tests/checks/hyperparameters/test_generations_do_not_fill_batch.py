"""HYP022 generations-do-not-fill-batch."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.generations_do_not_fill_batch import (
    generations_do_not_fill_batch,
)
from tunewell.subjects.recipe import Hardware, Preference, Recipe
from tunewell.testing import CheckCases, run_check


def grpo(
    batch: int,
    steps: int,
    generations: int | None,
    *,
    world: int | None = None,
    own: int | None = None,
) -> Recipe:
    return Recipe(
        task="grpo",
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=steps,
        preference=Preference(num_generations=generations, generation_batch_size=own),
        hardware=Hardware(world_size=world),
    )


class TestGenerationsDoNotFillBatch(CheckCases):
    """Groups that are cut, whole groups, and no groups."""

    check = generations_do_not_fill_batch
    faulty = {
        "a batch smaller than a group": (grpo(2, 1, 8, world=1),),
        "one and a half groups": (grpo(12, 1, 8, world=1),),
        "a single answer": (grpo(8, 1, 1, world=1),),
        "a single answer, no round batch": (grpo(3, 1, 1, world=1),),
        "its own batch": (grpo(8, 1, 8, own=12),),
        "no number of devices helps": (grpo(1, 1, 9),),
    }
    nearly = {
        "whole over the devices": (grpo(2, 1, 8, world=4),),
        "whole by accumulation": (grpo(2, 4, 8, world=1),),
        "whole on some number of devices": (grpo(2, 1, 8),),
    }
    clean = {"the default": (grpo(8, 1, None),), "no groups": (Recipe(task="dpo"),)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("batch", "steps", "generations"), [(2, 1, 8), (12, 1, 8), (8, 1, 1), (2, 4, 8), (8, 2, 4)]
)
def test_it_says_what_trl_says(batch: int, steps: int, generations: int, tmp_path: Path) -> None:
    """The real configuration refuses what is found, and takes the rest."""
    from trl import GRPOConfig

    settings: dict[str, Any] = {
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": steps,
        "num_generations": generations,
    }
    found = run_check(
        generations_do_not_fill_batch, (grpo(batch, steps, generations, world=1),)
    ).findings
    if found:
        with pytest.raises(ValueError, match="generation"):
            tiny.arguments(tmp_path, GRPOConfig, **settings)
    else:
        assert tiny.arguments(tmp_path, GRPOConfig, **settings)
