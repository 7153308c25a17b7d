"""DAT008 conflicting-labels."""

from tunewell.checks.data.conflicting_labels import conflicting_labels
from tunewell.testing import CheckCases, dataset


class TestConflictingLabels(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = conflicting_labels
    faulty = {
        "a tie": (dataset(["Hi!", "hi", "ho"], ["a", "b", "b"]),),
        "a majority": (dataset(["Hi!", "hi", "hi.", "ho"], ["a", "a", "b", "b"]),),
    }
    nearly = {
        "emoticons decide": (dataset(["fine :)", "fine :("], ["a", "b"]),),
        "one side unlabelled": (dataset(["hi", "hi", "ho"], ["a", None, "b"]),),
    }
    clean = {"equal and agreed": (dataset(["hi", "hi", "ho"], ["a", "a", "b"]),)}
