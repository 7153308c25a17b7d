"""ADA001 data-moved."""

from tunewell.checks.adaptation.data_moved import data_moved
from tunewell.subjects.data_shift import DataShift, MovedRow
from tunewell.testing import CheckCases


def shift(p_value: float) -> DataShift:
    """A shift whose text test gave this p-value."""
    return DataShift(
        current_rows=400,
        new_rows=200,
        tested_rows=(400, 200),
        text_p=p_value,
        text_effect=0.05,
        label_p=None,
        label_effect=0.0,
        moved=(MovedRow(3, 5, "a row", "a"),),
        labels=(),
        features="weighted character n-grams",
        new_file="new.csv",
    )


class TestDataMoved(CheckCases):
    """Planted, nearly faulty and clean shifts."""

    check = data_moved
    faulty = {"surely moved": (shift(0.002),), "at the level": (shift(0.01),)}
    nearly = {"a level that chance reaches": (shift(0.03),)}
    clean = {"not moved": (shift(0.6),)}
