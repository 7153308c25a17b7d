"""DAT070 rare-classes."""

from tunewell.checks.data.class_imbalance import class_imbalance
from tunewell.checks.data.rare_classes import rare_classes
from tunewell.core.finding import Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check


def counts(*, judged: dict[str, int] | None = None, **train: int) -> Dataset:
    """So many rows of each class."""

    def made(wanted: dict[str, int]) -> tuple[list[str], list[str]]:
        labels = [name for name, count in wanted.items() for _ in range(count)]
        return [f"text {at} of {label}" for at, label in enumerate(labels)], labels

    return dataset(*made(train), evaluation=None if judged is None else made(judged))


class TestRareClasses(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = rare_classes
    faulty = {
        "one row": (counts(card=100, loan=1),),
        "seven rows": (counts(card=20, loan=7),),
        "four rows to judge by": (counts(card=20, loan=20, judged={"card": 20, "loan": 4}),),
    }
    nearly = {
        "eight rows": (counts(card=100, loan=8),),
        "five rows to judge by": (counts(card=20, loan=20, judged={"card": 20, "loan": 5}),),
        "rare because of its spelling": (counts(card=30, loan=30, Loan=2),),
        "none to judge by": (counts(card=20, loan=20, judged={"card": 20}),),
    }
    clean = {"even": (counts(card=50, loan=50),)}


def test_too_few_to_judge_by_is_worth_knowing() -> None:
    subjects = (counts(card=20, loan=20, judged={"card": 20, "loan": 4}),)
    assert run_check(rare_classes, subjects).findings[0].severity is Severity.INFO


def test_no_class_is_named_twice() -> None:
    """The imbalance finding leaves out what is named here."""
    subjects = (counts(card=500, loan=20, rate=3),)
    rare = run_check(rare_classes, subjects).findings[0]
    skewed = run_check(class_imbalance, subjects).findings[0]
    assert rare.where[0].names == ("rate",)  # type: ignore[union-attr]
    assert skewed.where[0].names == ("loan",)  # type: ignore[union-attr]


def test_tags_and_sets() -> None:
    tagged = rows(
        [{"tokens": ["a", "b"], "ner_tags": ["O", "B-LOC" if at else "B-ORG"]} for at in range(30)]
    )
    assert "'B-ORG'" in run_check(rare_classes, (tagged,)).findings[0].message
    several = rows(
        [{"text": f"row {at}", "labels": ["a", "b"] if at else ["a", "c"]} for at in range(30)]
    )
    assert "'c'" in run_check(rare_classes, (several,)).findings[0].message
