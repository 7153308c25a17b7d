"""DAT068 evaluation-from-another-source."""

import numpy as np

from tunewell.checks.data.evaluation_from_another_source import evaluation_from_another_source
from tunewell.core.finding import Table
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

THINGS = [
    "card",
    "account",
    "transfer",
    "payment",
    "cash",
    "refund",
    "limit",
    "fee",
    "rate",
    "balance",
]
VERBS = ["lost", "block", "send", "change", "check", "raise", "cancel", "find", "open", "close"]


def texts(number: int, *, seed: int, formal: bool = False) -> tuple[list[str], list[str]]:
    """Requests and the verb that they are about, written quickly or by the book."""
    rng = np.random.default_rng(seed)
    made, labels = [], []
    for _ in range(number):
        verb = VERBS[rng.integers(10)]
        words = [verb, *(THINGS[at] for at in rng.integers(10, size=rng.integers(1, 5)))]
        line = " ".join(rng.permutation(words).tolist())
        made.append(f"Dear Sir, {line}." if formal else line)
        labels.append(verb)
    return made, labels


def both(rows_each: int, *, formal: bool = False, seed: int = 0) -> Dataset:
    """Training rows and evaluation rows."""
    return dataset(
        *texts(3 * rows_each, seed=2 * seed),
        evaluation=texts(rows_each, seed=2 * seed + 1, formal=formal),
    )


def more_of_one_class() -> Dataset:
    """The same kind of text; half of the evaluation rows are of one class."""
    made, labels = texts(900, seed=7)
    judged = [(t, v) for t, v in zip(*texts(900, seed=8), strict=True)]
    chosen = [pair for at, pair in enumerate(judged) if pair[1] == "lost" or at % 10 == 0]
    return dataset(made, labels, evaluation=([t for t, _ in chosen], [v for _, v in chosen]))


class TestEvaluationFromAnotherSource(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = evaluation_from_another_source
    faulty = {
        "written by the book": (both(150, formal=True),),
        "upper case": (
            dataset(
                *texts(300, seed=0),
                evaluation=([t.upper() for t in texts(100, seed=1)[0]], texts(100, seed=1)[1]),
            ),
        ),
        "questions of another kind": (
            rows(
                [{"prompt": t, "completion": "yes"} for t in texts(200, seed=0)[0]],
                evaluation=[
                    {"prompt": t, "completion": "yes"} for t in texts(200, seed=1, formal=True)[0]
                ],
            ),
        ),
    }
    nearly = {
        "more of one class": (more_of_one_class(),),
        "few rows": (both(20, formal=True),),
        "one row in twenty by the book": (
            dataset(
                *texts(600, seed=0),
                evaluation=(
                    texts(190, seed=1)[0] + texts(10, seed=3, formal=True)[0],
                    texts(190, seed=1)[1] + texts(10, seed=3, formal=True)[1],
                ),
            ),
        ),
    }
    clean = {"one source": (both(200),)}

    def test_no_false_alarms(self) -> None:
        """10 random divisions; hundreds of real ones are in the measurements on the page."""
        for seed in range(1, 11):
            assert not self._outcomes((both(100, seed=seed),)).findings

    def test_names_the_words(self) -> None:
        """The table shows what gives the source away."""
        found = self._outcomes(self.faulty["written by the book"]).findings[0]
        table = next(e for e in found.evidence if isinstance(e, Table) and e.columns[0] == "word")
        assert {row[0] for row in table.rows} >= {"dear", "sir"}

    def test_needs_rows_that_judge(self) -> None:
        """Training rows alone have nothing to be compared with."""
        subject = dataset(["a", "b"], ["x", "y"])
        assert run_check(evaluation_from_another_source, (subject,)).not_run
