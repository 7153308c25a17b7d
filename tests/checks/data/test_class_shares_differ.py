"""DAT067 class-shares-differ."""

import numpy as np

from tunewell.checks.data.class_shares_differ import class_shares_differ
from tunewell.core.finding import Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, run_check


def shares(train: dict[str, int], judged: dict[str, int]) -> Dataset:
    """A data set with these rows of each class on both sides."""
    sides = [
        [name for name, rows in counts.items() for _ in range(rows)] for counts in (train, judged)
    ]
    texts = [[f"row {at}" for at in range(len(labels))] for labels in sides]
    return dataset(texts[0], sides[0], evaluation=(texts[1], sides[1]))


def divided(*, stratified: bool, seed: int) -> Dataset:
    """Rows of 30 classes of unequal size, a fifth of them for evaluation."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([f"class {at}" for at in range(30)], np.arange(5, 65, 2))
    if stratified:
        held = np.concatenate(
            [rng.permutation(np.flatnonzero(labels == name))[::5] for name in np.unique(labels)]
        )
    else:
        held = rng.permutation(len(labels))[: len(labels) // 5]
    kept = np.setdiff1d(np.arange(len(labels)), held)
    return dataset(
        [f"row {at}" for at in kept],
        labels[kept].tolist(),
        evaluation=([f"row {at}" for at in held], labels[held].tolist()),
    )


class TestClassSharesDiffer(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = class_shares_differ
    faulty = {
        "spam in evaluation": (shares({"ham": 870, "spam": 130}, {"ham": 120, "spam": 60}),),
        "balanced for the test": (shares({"ham": 870, "spam": 130}, {"ham": 100, "spam": 100}),),
        "turned round": (shares({"a": 300, "b": 100, "c": 30}, {"a": 30, "b": 30, "c": 90}),),
    }
    nearly = {
        "a small shift, surely": (shares({"a": 5000, "b": 5000}, {"a": 2800, "b": 2200}),),
        "a large shift in few rows": (shares({"a": 100, "b": 100}, {"a": 7, "b": 3}),),
        "a class that training lacks": (shares({"a": 100, "b": 100}, {"a": 30, "b": 30, "c": 40}),),
    }
    clean = {
        "the same shares": (shares({"a": 400, "b": 100}, {"a": 80, "b": 20}),),
        "stratified": (divided(stratified=True, seed=0),),
    }

    def test_balanced_on_purpose_is_information(self) -> None:
        """Nobody draws equal classes by accident."""
        severities = [
            self._outcomes(self.faulty[name]).findings[0].severity
            for name in ("spam in evaluation", "balanced for the test")
        ]
        assert severities == [Severity.WARNING, Severity.INFO]

    def test_no_false_alarms(self) -> None:
        """100 random and 20 stratified divisions."""
        for seed in range(100):
            assert not self._outcomes((divided(stratified=False, seed=seed),)).findings
        for seed in range(20):
            assert not self._outcomes((divided(stratified=True, seed=seed),)).findings

    def test_needs_rows_that_judge(self) -> None:
        """Training rows alone have nothing to be compared with."""
        assert run_check(class_shares_differ, (dataset(["a", "b"], ["x", "y"]),)).not_run
