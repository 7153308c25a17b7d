"""DAT005 exact-duplicate-rows."""

from tunewell.checks.data.exact_duplicate_rows import exact_duplicate_rows
from tunewell.testing import CheckCases, dataset


class TestExactDuplicateRows(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = exact_duplicate_rows
    faulty = {
        "case and marks differ": (
            dataset(["My card!", "my card", "MY CARD?", "x y"], ["a", "a", "a", "b"]),
        )
    }
    nearly = {
        "other labels": (dataset(["hi", "hi", "hi", "ho"], ["a", "b", "c", "b"]),),
        "other amounts": (
            dataset(["pay 1.50", "pay 150", "pay 15.0", "ho"], ["a", "a", "a", "b"]),
        ),
        "one accident": (dataset(["hi", "hi", "ho"], ["a", "a", "b"]),),
    }
    clean = {"all differ": (dataset(["one", "two", "three"], ["a", "a", "b"]),)}
