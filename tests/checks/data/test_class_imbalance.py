"""DAT009 class-imbalance."""

from tunewell.checks.data.class_imbalance import class_imbalance
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset, rows


def skewed(ratio: int, least: int = 10) -> Dataset:
    """`ratio` times as many rows of one class as the `least` of the other."""
    labels = ["a"] * ratio * least + ["b"] * least
    return dataset([f"row {n}" for n in range(len(labels))], labels)


class TestClassImbalance(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = class_imbalance
    faulty = {
        "twenty to one": (skewed(20),),
        "sets of labels": (
            rows(
                [
                    {"text": f"row {n}", "labels": ["a"] if n % 21 else ["a", "b"]}
                    for n in range(420)
                ]
            ),
        ),
        "tags": (
            rows([{"tokens": ["a"] * 22, "ner_tags": ["B-X"] * 21 + ["B-Y"]} for _ in range(20)]),
        ),
        "twenty to one, with a recipe": (skewed(20), Recipe()),
    }
    nearly = {
        "so few that weights do not help": (skewed(20, 7),),
        "rare because of its spelling": (
            dataset([f"row {n}" for n in range(210)], ["Yes"] * 100 + ["yes"] * 9 + ["no"] * 101),
        ),
        "most tokens are part of nothing": (
            rows([{"tokens": ["a"] * 30, "ner_tags": ["O"] * 29 + ["B-LOC"]} for _ in range(20)]),
        ),
        "ten to one": (skewed(10),),
        "weighed already": (skewed(20), Recipe(class_weights="balanced")),
    }
    clean = {"even": (skewed(1),)}


class TestFocalLoss(TestClassImbalance):
    """The same cases with another cure, which removes the finding too."""

    options = {"remedy": "focal"}


class TestRepeatedRows(TestClassImbalance):
    """The same cases with another cure, which removes the finding too."""

    options = {"remedy": "repeat"}


class TestChangedCopies(TestClassImbalance):
    """The same with another cure; of texts without common words no changed copy can be made."""

    options = {"remedy": "augment"}
    faulty = {
        "twenty to one": (
            dataset(
                [f"please answer whether yesterday's parcel {n} came" for n in range(200)]
                + [f"Please answer whether refund {n} came yesterday?" for n in range(10)],
                ["parcel"] * 200 + ["refund"] * 10,
            ),
        )
    }


class TestThinnedRows(TestClassImbalance):
    """The same cases with another cure, which removes the finding too."""

    options = {"remedy": "thin"}
