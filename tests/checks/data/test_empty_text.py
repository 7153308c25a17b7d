"""DAT004 empty-text."""

from tunewell.checks.data.empty_text import empty_text
from tunewell.testing import CheckCases, dataset


class TestEmptyText(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = empty_text
    faulty = {
        "an empty row": (dataset(["hi", ""], ["a", "b"]),),
        "white space in the evaluation": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", " \t\u00a0"], ["a", "b"])),
        ),
    }
    nearly = {"a one-letter row": (dataset(["hi", "k"], ["a", "b"]),)}
    clean = {"full rows": (dataset(["hi", "ok"], ["a", "b"]),)}
