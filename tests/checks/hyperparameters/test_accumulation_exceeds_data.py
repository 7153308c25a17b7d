"""HYP003 accumulation-exceeds-data."""

from tunewell.checks.hyperparameters.accumulation_exceeds_data import accumulation_exceeds_data
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset


def rows(count: int) -> Dataset:
    """So many rows of two classes."""
    return dataset(
        [f"row {n}" for n in range(count)], ["a" if n % 2 else "b" for n in range(count)]
    )


class TestAccumulationExceedsData(CheckCases):
    """Planted, nearly faulty and clean batch sizes."""

    check = accumulation_exceeds_data
    faulty = {
        "accumulation": (
            Recipe(per_device_train_batch_size=8, gradient_accumulation_steps=64),
            rows(30),
        ),
        "the batch alone": (Recipe(per_device_train_batch_size=256), rows(200)),
        "both": (
            Recipe(per_device_train_batch_size=64, gradient_accumulation_steps=8),
            rows(100),
        ),
    }
    nearly = {"exactly one batch": (Recipe(per_device_train_batch_size=16), rows(16))}
    clean = {
        "usual": (Recipe(), rows(1200)),
        "large data, large batch": (
            Recipe(per_device_train_batch_size=64, gradient_accumulation_steps=4),
            rows(3000),
        ),
    }
