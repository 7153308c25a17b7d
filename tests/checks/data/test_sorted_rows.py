"""DAT065 sorted-rows."""

import numpy as np

from tunewell.checks.data.sorted_rows import sorted_rows
from tunewell.core.finding import Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows


def ordered(labels: list[str], evaluation: list[str] | None = None, *, seed: int = 0) -> Dataset:
    """Rows of random length with these labels, in this order."""
    rng = np.random.default_rng(seed)
    judged = None
    if evaluation is not None:
        judged = ([f"judged {at}" for at in range(len(evaluation))], evaluation)
    texts = ["word " * int(size) for size in rng.integers(1, 60, len(labels))]
    return dataset(texts, labels, evaluation=judged)


def shuffled(labels: list[str], seed: int = 0) -> list[str]:
    """The same labels in a random order."""
    return [labels[at] for at in np.random.default_rng(seed).permutation(len(labels))]


SORTED = ["a"] * 60 + ["b"] * 60 + ["c"] * 60
MANY = [f"class {at // 10}" for at in range(300)]


class TestSortedRows(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = sorted_rows
    faulty = {
        "three blocks": (ordered(SORTED),),
        "many classes": (ordered(MANY),),
        "two classes of unequal size": (ordered(["a"] * 900 + ["b"] * 100),),
        "cut from sorted rows": (ordered(SORTED[:120], ["c"] * 30),),
        "by length": (dataset(["x" * at for at in range(1, 101)], ["a", "b"] * 50),),
        "an instruction file by length": (
            rows([{"instruction": "Say it", "output": "x" * at} for at in range(100, 1, -1)]),
        ),
        "thumbs up first": (
            rows([{"prompt": f"q{at}", "completion": "a", "label": at < 80} for at in range(150)]),
        ),
    }
    nearly = {
        "shuffled": (ordered(shuffled(SORTED)),),
        "pairs of rows": (ordered([c for c in shuffled(SORTED) for _ in range(2)]),),
        "few rows": (ordered(["a"] * 20 + ["b"] * 20),),
        "alternating": (ordered(["a", "b"] * 100),),
        "longer in the second half": (
            dataset(["x" * (at % 7 + 1 + at // 50) for at in range(100)], ["a", "b"] * 50),
        ),
    }
    clean = {"many classes, shuffled": (ordered(shuffled(MANY)),)}

    def test_severity(self) -> None:
        """Trainers shuffle; a split that lacks classes is beyond that."""
        for name, severity in (
            ("three blocks", Severity.INFO),
            ("cut from sorted rows", Severity.WARNING),
        ):
            assert self._outcomes(self.faulty[name]).findings[0].severity is severity

    def test_no_false_alarms(self) -> None:
        """300 random orders."""
        for seed in range(300):
            assert not self._outcomes((ordered(shuffled(SORTED, seed), seed=seed),)).findings
