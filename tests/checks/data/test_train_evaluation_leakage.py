"""DAT007 train-evaluation-leakage."""

from tunewell.checks.data.train_evaluation_leakage import train_evaluation_leakage
from tunewell.testing import CheckCases, dataset


class TestTrainEvaluationLeakage(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = train_evaluation_leakage
    faulty = {
        "one row in both": (
            dataset(
                ["Where is it?", "ho", "x"], ["a", "b", "a"], evaluation=(["where is it"], ["a"])
            ),
        ),
        "a hundred rows": (
            dataset(
                [f"row number {n}" for n in range(200)],
                ["a", "b"] * 100,
                evaluation=([f"Row number {n}." for n in range(100, 300)], ["a", "b"] * 100),
            ),
        ),
    }
    nearly = {
        "nearly the same": (
            dataset(
                ["where is my card", "ho"], ["a", "b"], evaluation=(["where is my cart"], ["a"])
            ),
        ),
        "empty in both": (dataset(["", "ho"], ["a", "b"], evaluation=([""], ["a"])),),
    }
    clean = {"apart": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["hu"], ["a"])),)}
