"""DAT069 evaluation-without-neighbours."""

import numpy as np

from tunewell.checks.data.evaluation_without_neighbours import evaluation_without_neighbours
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

BANKING = [
    "card",
    "account",
    "transfer",
    "payment",
    "cash",
    "refund",
    "limit",
    "fee",
    "rate",
    "pin",
]
TRAVEL = ["flight", "hotel", "train", "luggage", "gate", "seat", "visa", "tour", "beach", "map"]


def about(words: list[str], number: int, *, seed: int) -> list[str]:
    """Texts of four words, made of these and a running number."""
    rng = np.random.default_rng(seed)
    return [" ".join(words[at] for at in rng.integers(len(words), size=4)) for _ in range(number)]


def judged_on(evaluation: list[str], *, train: int = 600) -> Dataset:
    """Training texts about banking, and what the model is judged on."""
    texts = about(BANKING, train, seed=0)
    return dataset(
        texts,
        ["a", "b"] * (train // 2),
        evaluation=(evaluation, ["a", "b"] * (len(evaluation) // 2)),
    )


class TestEvaluationWithoutNeighbours(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = evaluation_without_neighbours
    faulty = {
        "a sixth about travel": (
            judged_on(about(BANKING, 200, seed=1) + about(TRAVEL, 40, seed=2)),
        ),
        "all about travel": (judged_on(about(TRAVEL, 40, seed=2)),),
        "prompts of another kind": (
            rows(
                [{"prompt": text, "completion": "yes"} for text in about(BANKING, 300, seed=0)],
                evaluation=[
                    {"prompt": text, "completion": "yes"} for text in about(TRAVEL, 60, seed=2)
                ],
            ),
        ),
    }
    nearly = {
        "two rows of a hundred": (
            judged_on(about(BANKING, 98, seed=1) + about(TRAVEL, 2, seed=2)),
        ),
        "few training rows": (judged_on(about(TRAVEL, 40, seed=2), train=60),),
        "other answers to the same prompts": (
            rows(
                [{"prompt": text, "completion": "yes"} for text in about(BANKING, 300, seed=0)],
                evaluation=[
                    {"prompt": text, "completion": answer}
                    for text, answer in zip(
                        about(BANKING, 60, seed=1), about(TRAVEL, 60, seed=2), strict=True
                    )
                ],
            ),
        ),
    }
    clean = {"one source": (judged_on(about(BANKING, 200, seed=1)),)}

    def test_shows_the_farthest(self) -> None:
        """All rows about travel are named, and a stray one or two."""
        found = self._outcomes(self.faulty["a sixth about travel"]).findings[0]
        named = {getattr(row, "index", -1) for row in found.where}
        assert named >= set(range(200, 240))
        assert len(named) <= 45  # 40, and the 1 % of 200 that is usual, with room for chance

    def test_no_false_alarms(self) -> None:
        """50 random divisions."""
        for seed in range(50):
            subject = judged_on(about(BANKING, 100, seed=seed + 1), train=200)
            assert not self._outcomes((subject,)).findings

    def test_needs_rows_that_judge(self) -> None:
        """Training rows alone have nothing to be compared with."""
        subject = dataset(["a", "b"], ["x", "y"])
        assert run_check(evaluation_without_neighbours, (subject,)).not_run
