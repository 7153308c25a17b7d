"""ADA002 label-shares-moved."""

from tunewell.checks.adaptation.label_shares_moved import label_shares_moved
from tunewell.subjects.data_shift import DataShift, LabelShare
from tunewell.testing import CheckCases


def shift(p_value: float | None, effect: float) -> DataShift:
    """A shift whose label test gave this."""
    return DataShift(
        current_rows=200,
        new_rows=100,
        tested_rows=(200, 100),
        text_p=1.0,
        text_effect=0.0,
        label_p=p_value,
        label_effect=effect,
        moved=(),
        labels=(LabelShare("a", 100, 20), LabelShare("b", 100, 80)),
        features="weighted character n-grams",
        new_file="new.csv",
    )


class TestLabelSharesMoved(CheckCases):
    """Planted, nearly faulty and clean shifts."""

    check = label_shares_moved
    faulty = {"a large move": (shift(0.002, 0.3),)}
    nearly = {
        "too little to matter": (shift(0.002, 0.03),),
        "large, but chance may do it": (shift(0.2, 0.3),),
    }
    clean = {"not moved": (shift(0.7, 0.02),), "no labels": (shift(None, 0.0),)}
