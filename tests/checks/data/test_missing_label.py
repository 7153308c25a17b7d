"""DAT003 missing-label."""

from tunewell.checks.data.missing_label import missing_label
from tunewell.testing import CheckCases, dataset


class TestMissingLabel(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = missing_label
    faulty = {
        "a training row": (dataset(["hi", "ho", "hu"], ["a", None, "b"]),),
        "an evaluation row": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], [None, "a"])),
        ),
    }
    nearly = {"a class called None": (dataset(["hi", "ho"], ["None", "b"]),)}
    clean = {"labelled": (dataset(["hi", "ho"], ["a", "b"]),)}
