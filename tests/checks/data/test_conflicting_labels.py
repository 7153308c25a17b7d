"""DAT008 conflicting-labels."""

from collections.abc import Sequence

from tunewell.checks.data.conflicting_labels import conflicting_labels
from tunewell.core.finding import Number, Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check


def several(*wanted: tuple[str, Sequence[str]]) -> Dataset:
    """Rows with sets of labels."""
    return rows([{"text": text, "labels": list(labels)} for text, labels in wanted])


def asked(*wanted: tuple[str, str]) -> Dataset:
    """Prompts with answers."""
    return rows([{"prompt": prompt, "completion": answer} for prompt, answer in wanted])


class TestConflictingLabels(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = conflicting_labels
    faulty = {
        "a tie": (dataset(["Hi!", "hi", "ho"], ["a", "b", "b"]),),
        "a majority": (dataset(["Hi!", "hi", "hi.", "ho"], ["a", "a", "b", "b"]),),
        "sets that share nothing": (several(("Hi!", "ab"), ("hi", "c"), ("ho", "a")),),
        "one set of three shares nothing": (
            several(("hi", "a"), ("hi", "ab"), ("hi", "a"), ("hi", "c")),
        ),
        "none and some": (several(("hi", ""), ("hi", "a"), ("ho", "b")),),
        "two answers": (asked(("What is two and two?", "4"), ("what is two and two", "5")),),
    }
    nearly = {
        "emoticons decide": (dataset(["fine :)", "fine :("], ["a", "b"]),),
        "one side unlabelled": (dataset(["hi", "hi", "ho"], ["a", None, "b"]),),
        "sets that share a label": (several(("hi", "ab"), ("hi", "a"), ("ho", "b")),),
        "one answer, twice": (asked(("What is two and two?", "4"), ("what is two and two", "4.")),),
        "prompts that differ in a number": (asked(("2 + 2", "4"), ("2 + 3", "5")),),
    }
    clean = {"equal and agreed": (dataset(["hi", "hi", "ho"], ["a", "a", "b"]),)}


def test_answers_are_for_information() -> None:
    subjects = (asked(("say hi", "hi"), ("say hi", "hello"), ("say ho", "ho")),)
    assert run_check(conflicting_labels, subjects).findings[0].severity is Severity.INFO


def test_sets_that_agree_in_part_are_counted() -> None:
    subjects = (several(("hi", "ab"), ("hi", "a"), ("ho", "b"), ("ho", "c")),)
    evidence = run_check(conflicting_labels, subjects).findings[0].evidence
    partly = [number for number in evidence if isinstance(number, Number)][1]
    assert partly.value == 1
