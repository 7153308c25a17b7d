"""DAT009 class-imbalance."""

from tunewell.checks.data.class_imbalance import class_imbalance
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset


def skewed(ratio: int) -> Dataset:
    """`ratio` rows of one class and one of the other."""
    return dataset([f"row {n}" for n in range(ratio + 1)], ["a"] * ratio + ["b"])


class TestClassImbalance(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = class_imbalance
    faulty = {
        "twenty to one": (skewed(20),),
        "twenty to one, with a recipe": (skewed(20), Recipe()),
    }
    nearly = {
        "ten to one": (skewed(10),),
        "weighed already": (skewed(20), Recipe(class_weights="balanced")),
    }
    clean = {"even": (skewed(1),)}
