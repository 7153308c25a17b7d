"""HYP002 too-few-optimizer-steps."""

from tunewell.checks.hyperparameters.too_few_optimizer_steps import too_few_optimizer_steps
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset, run_check


def rows(count: int) -> Dataset:
    """So many rows of two classes."""
    return dataset(
        [f"row {n}" for n in range(count)], ["a" if n % 2 else "b" for n in range(count)]
    )


class TestTooFewOptimizerSteps(CheckCases):
    """Planted, nearly faulty and clean run lengths."""

    check = too_few_optimizer_steps
    faulty = {
        "one epoch of a small set": (Recipe(num_train_epochs=1.0), rows(1200)),
        "three epochs of very few rows": (Recipe(), rows(100)),
        "a handful of steps": (Recipe(max_steps=10), rows(1200)),
        "accumulated away": (Recipe(gradient_accumulation_steps=32), rows(1200)),
    }
    nearly = {
        "just enough over one epoch": (Recipe(num_train_epochs=1.0), rows(1600)),
        "just enough over three epochs": (Recipe(), rows(257)),
        "the batch is larger than the data, said elsewhere": (
            Recipe(per_device_train_batch_size=512),
            rows(300),
        ),
    }
    clean = {
        "a usual run": (Recipe(), rows(1200)),
        "two epochs of a middling set": (Recipe(num_train_epochs=2.0), rows(2490)),
    }


def test_steps_are_in_the_message() -> None:
    """The sentence has the number of steps."""
    found = run_check(too_few_optimizer_steps, (Recipe(num_train_epochs=1.0), rows(1200))).findings
    assert "75 optimizer steps" in found[0].message
