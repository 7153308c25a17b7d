"""What the checks of settings say of the examples that axolotl, LLaMA-Factory and torchtune give.

The table holds the settings alone, of every example configuration of axolotl 0.19.0, LLaMA-Factory
0.9.5 and torchtune 0.6.1 that sets a learning rate, as Tunewell's readers read them.
"""

from __future__ import annotations

import csv
import functools
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tunewell.checks.hyperparameters.adapter_scale_extreme import adapter_scale_extreme
from tunewell.checks.hyperparameters.learning_rate_outside_range import learning_rate_outside_range
from tunewell.checks.hyperparameters.settings_beyond_published import settings_beyond_published
from tunewell.core.finding import Finding
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import run_check

TABLE = Path(__file__).parents[2] / "fixtures" / "published_settings.tsv"


@functools.cache
def examples() -> tuple[tuple[int, Recipe], ...]:
    """Every example with how many files have just these settings."""
    found = []
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            adapter = Adapter(r=int(row["r"]), lora_alpha=float(row["alpha"])) if row["r"] else None
            recipe = Recipe(
                task=row["task"],
                method=row["method"],
                model=row["model"] or None,
                optim=row["optim"],
                learning_rate=float(row["learning_rate"]),
                num_train_epochs=float(row["epochs"]),
                max_steps=int(row["max_steps"]),
                per_device_train_batch_size=int(row["batch"]),
                gradient_accumulation_steps=int(row["accumulated"]),
                weight_decay=float(row["weight_decay"]),
                adapter=adapter,
                format=row["program"],
                given=frozenset({"learning_rate"}),
            )
            found.append((int(row["count"]), recipe))
    return tuple(found)


def spoken(check: Callable[..., Iterable[Finding]]) -> Counter[tuple[str, float]]:
    """How many examples are reported, by model and rate."""
    counts: Counter[tuple[str, float]] = Counter()
    for count, recipe in examples():
        if run_check(check, (recipe,)).findings:
            counts[recipe.model or "", recipe.learning_rate] += count
    return counts


def test_few_of_the_published_rates_are_reported() -> None:
    """About one in twenty; and those that a person would call mistaken are among them."""
    total = sum(count for count, _ in examples())
    found = spoken(learning_rate_outside_range)
    assert total > 400
    assert found.total() / total < 0.06
    assert found["Qwen3.5-27B", 2e-4] == 1  # every weight of a 27B model at a rate for LoRA
    assert found["mpt-7b", 2e-7] == 1  # a hundredth of the usual rate
    assert found["Llama-2-7b-hf", 1e-5] == 1  # QLoRA at a rate for full fine-tuning


@pytest.mark.parametrize("check", [adapter_scale_extreme, settings_beyond_published])
def test_no_other_setting_is_reported(check: Callable[..., Iterable[Finding]]) -> None:
    """Bounds at the widest of what is published must not be within it."""
    assert not spoken(check)
