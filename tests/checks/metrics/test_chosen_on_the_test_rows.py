"""MET013 chosen-on-the-test-rows."""

from __future__ import annotations

import ast
from pathlib import Path

from tunewell.checks.metrics.chosen_on_the_test_rows import chosen_on_the_test_rows
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, split

LAST = Recipe(load_best_model_at_end=False)


def script(evaluated: str, after: str = "", before: str = "") -> Script:
    """A script whose trainer is evaluated on such rows."""
    made = f"trainer = Trainer(model=model, args=args, eval_dataset={evaluated})"
    return Script(Path("train.py"), ast.parse(f"{before}\n{made}\ntrainer.train()\n{after}"))


def data(evaluation: list[str], test: list[str]) -> Dataset:
    """Evaluation and test rows."""
    return Dataset(
        split(["a b"], ["x"]),
        split(evaluation, ["x"] * len(evaluation), "eval"),
        split(test, ["x"] * len(test), "test"),
    )


TEN = [f"row number {i}" for i in range(10)]
OTHERS = [f"another row {i}" for i in range(10)]
OWN_SPLIT = "ds = ds.train_test_split(0.1)"


class TestChosenOnTheTestRows(CheckCases):
    """Planted, nearly faulty and clean scripts and rows."""

    check = chosen_on_the_test_rows
    faulty = {
        "the test split": (Recipe(), script('imdb["test"]', "trainer.evaluate()")),
        "early stopping": (
            Recipe(load_best_model_at_end=False, early_stopping_patience=2),
            script("tokenized_test"),
        ),
        "scored again at the end": (
            Recipe(),
            script('ds["test"]', 'trainer.predict(ds["test"])', OWN_SPLIT),
        ),
        "the same rows": (Recipe(), data(TEN, TEN)),
        "half of the rows": (Recipe(), data(TEN, TEN[:5] + OTHERS[:5])),
    }
    nearly = {
        "the last model is kept": (LAST, script('imdb["test"]')),
        "a split of its own that is called test": (Recipe(), script('ds["test"]', "", OWN_SPLIT)),
        "another word": (Recipe(), script("latest_rows")),
        "validation, tested on test": (
            Recipe(),
            script('ds["validation"]', 'trainer.predict(ds["test"])'),
        ),
        "a few rows in common": (Recipe(), data(TEN, TEN[:4] + OTHERS[:6])),
        "words in common": (Recipe(), data(["yes", "no"], ["yes", "no"])),
    }
    clean = {
        "validation": (Recipe(), script('ds["validation"]')),
        "three sets": (Recipe(), data(TEN, OTHERS)),
    }
