"""ADA005 new-labels."""

from tunewell.checks.adaptation.new_labels import new_labels
from tunewell.subjects.data_shift import DataShift, LabelShare
from tunewell.testing import CheckCases


def shift(*labels: LabelShare) -> DataShift:
    """A shift with these labels."""
    return DataShift(
        current_rows=200,
        new_rows=100,
        tested_rows=(200, 100),
        text_p=1.0,
        text_effect=0.0,
        label_p=None,
        label_effect=0.0,
        moved=(),
        labels=labels,
        features="weighted character n-grams",
        new_file="new.csv",
    )


class TestNewLabels(CheckCases):
    """Planted, nearly faulty and clean labels."""

    check = new_labels
    faulty = {
        "one new label": (shift(LabelShare("a", 50, 20), LabelShare("b", 0, 1)),),
        "many": (shift(*(LabelShare(f"n{i}", 0, 5) for i in range(8))),),
    }
    nearly = {"a label that is gone": (shift(LabelShare("a", 50, 20), LabelShare("b", 50, 0)),)}
    clean = {"the same labels": (shift(LabelShare("a", 50, 20), LabelShare("b", 50, 20)),)}
