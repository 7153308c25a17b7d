"""DAT061 shifted-labels."""

import random
from collections.abc import Sequence

import pytest

from tunewell.checks.data.shifted_labels import shifted_labels
from tunewell.core.finding import Severity, Table
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, apply, dataset, rows, run_check

WORDS = {
    "card": "card plastic atm chip pin reader contactless wallet",
    "loan": "loan mortgage interest credit rate lender borrow debt",
    "travel": "flight ticket hotel airport luggage passport visa trip",
    "food": "recipe dinner oven cook sugar bread cheese salad",
}
FILLER = ["please", "tell", "me", "what", "to", "do", "about", "the", "matter", "i", "have"]


def rows_of(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts with two words of their class among others, in random order."""
    draw = random.Random(seed)  # noqa: S311
    labels = [draw.choice(sorted(WORDS)) for _ in range(count)]
    texts = [
        " ".join(draw.sample(FILLER, 4) + draw.sample(WORDS[label].split(), 2)) for label in labels
    ]
    return texts, labels


def moved(labels: Sequence[str], first: int, last: int, step: int) -> list[str]:
    """The labels with those from `first` to before `last` turned round by `step`."""
    part = list(labels[first:last])
    return [*labels[:first], *part[-step:], *part[:-step], *labels[last:]]


def planted(first: int, last: int, step: int) -> Dataset:
    texts, labels = rows_of(600)
    return dataset(texts, moved(labels, first, last, step))


def permuted() -> Dataset:
    texts, labels = rows_of(600)
    draw = random.Random(5)  # noqa: S311
    return dataset(texts, draw.sample(labels, len(labels)))


def noisy(share: float) -> Dataset:
    texts, labels = rows_of(600)
    draw = random.Random(9)  # noqa: S311
    return dataset(
        texts,
        [draw.choice(sorted(WORDS)) if draw.random() < share else label for label in labels],
    )


def sorted_rows(step: int) -> Dataset:
    texts, labels = rows_of(600)
    order = sorted(range(600), key=labels.__getitem__)
    return dataset([texts[at] for at in order], moved([labels[at] for at in order], 0, 600, step))


class TestShiftedLabels(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = shifted_labels
    faulty = {
        "all rows, one on": (planted(0, 600, 1),),
        "all rows, one back": (planted(0, 600, -1),),
        "all rows, two on": (planted(0, 600, 2),),
        "a fifth": (planted(200, 320, 1),),
        "from the middle on": (planted(240, 600, -1),),
        "the evaluation alone": (
            dataset(
                *rows_of(400),
                evaluation=(rows_of(300, 7)[0], moved(rows_of(300, 7)[1], 0, 300, 1)),
            ),
        ),
    }
    nearly = {
        "a third of the labels is wrong, but not moved": (noisy(0.33),),
        "no relation at all": (permuted(),),
        "sorted by label": (sorted_rows(0),),
        "sorted and moved: three rows are wrong": (sorted_rows(1),),
        "a handful of rows": (dataset(["hi", "ho", "hu"], ["a", "b", "a"]),),
    }
    clean = {"in order": (dataset(*rows_of(600)),)}


def test_the_stretch_is_named() -> None:
    finding = run_check(shifted_labels, (planted(200, 320, 1),)).findings[0]
    assert finding.severity is Severity.ERROR
    stretches = finding.evidence[2]
    assert isinstance(stretches, Table)
    first, last = str(stretches.rows[0][1]).split(" to ")
    assert abs(int(first) - 202) <= 3
    assert abs(int(last) - 321) <= 3


def test_the_labels_come_back() -> None:
    subjects = (planted(200, 320, 1),)
    (cured,) = apply(subjects, run_check(shifted_labels, subjects).findings[0].fixes[0].edits)
    assert isinstance(cured, Dataset)
    truth = dict(zip(*rows_of(600), strict=True))
    wrong = sum(
        truth[text] != label
        for text, label in zip(cured.train.texts, cured.train.labels, strict=True)
    )
    assert wrong <= 3
    assert len(cured.train) >= 597


@pytest.mark.parametrize("step", [0, 1])
def test_several_labels_a_row(step: int) -> None:
    texts, labels = rows_of(600)
    kept = moved(labels, 0, 600, step)
    made = rows(
        [
            {"text": text, "labels": [label] if at % 3 else [label, "urgent"]}
            for at, (text, label) in enumerate(zip(texts, kept, strict=True))
        ]
    )
    assert bool(run_check(shifted_labels, (made,)).findings) is bool(step)
