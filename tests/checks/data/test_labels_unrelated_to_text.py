"""DAT063 labels-unrelated-to-text."""

import random

from tunewell.checks.data.labels_unrelated_to_text import labels_unrelated_to_text
from tunewell.core.finding import Confidence
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, run_check

CLASSES = ("card", "loan", "travel", "food", "sport", "music")
WORDS = ("red", "blue", "old", "new", "big", "small", "fast", "slow", "round", "flat")


def made(count: int, known: float, classes: int = 6) -> Dataset:
    """Rows of which a share has a word of its class; the labels of the others are random."""
    draw = random.Random(3)  # noqa: S311
    texts, labels = [], []
    for _ in range(count):
        label = draw.choice(CLASSES[:classes])
        word = label if draw.random() < known else draw.choice(CLASSES[:classes])
        texts.append(" ".join([*draw.sample(WORDS, 4), word, str(draw.randrange(99))]))
        labels.append(label)
    return dataset(texts, labels)


def sorted_alone() -> Dataset:
    """Labels that were sorted while their texts were not."""
    related = made(900, 1.0)
    return dataset(list(related.train.texts), sorted(map(str, related.train.labels)))


class TestLabelsUnrelatedToText(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = labels_unrelated_to_text
    faulty = {
        "six classes": (made(900, 0.0),),
        "two classes": (made(1500, 0.0, 2),),
        "sorted alone": (sorted_alone(),),
    }
    nearly = {
        "a third of the texts tell": (made(900, 0.33),),
        "too few rows to say": (made(120, 0.0),),
    }
    clean = {"every text tells": (made(900, 1.0),)}


def test_two_classes_are_said_with_less_confidence() -> None:
    for classes, confidence in ((6, Confidence.MEDIUM), (2, Confidence.LOW)):
        found = run_check(labels_unrelated_to_text, (made(1500, 0.0, classes),)).findings
        assert found[0].confidence is confidence
