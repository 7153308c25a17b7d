"""DAT003 missing-label."""

from tunewell.checks.data.missing_label import missing_label
from tunewell.testing import CheckCases, dataset, rows


class TestMissingLabel(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = missing_label
    faulty = {
        "a null among sets of labels": (
            rows([{"text": f"row {at}", "labels": ["a", "b"] if at else None} for at in range(9)]),
        ),
        "a training row": (dataset(["hi", "ho", "hu"], ["a", None, "b"]),),
        "an evaluation row": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], [None, "a"])),
        ),
    }
    nearly = {
        "a class called None": (dataset(["hi", "ho"], ["None", "b"]),),
        "an empty list among sets of labels": (
            rows([{"text": f"row {at}", "labels": ["a", "b"] if at else []} for at in range(9)]),
        ),
        "an empty cell among sets of labels": (
            rows(
                [
                    {"text": f"row {at}", "label": ("a", "b", "c", "a,b", "b,c", "a,c", "")[at % 7]}
                    for at in range(70)
                ]
            ),
        ),
        "zeros alone": (
            rows([{"text": f"row {at}", "toxic": at % 2, "rude": 0, "bad": 0} for at in range(9)]),
        ),
    }
    clean = {"labelled": (dataset(["hi", "ho"], ["a", "b"]),)}
