"""Whether a score held while the loss rose."""

import pytest
from tests.checks.runs import run

from tunewell.facts.held_scores import held_score


def scored(before: float, after: float, rows: int | None = None) -> str:
    """Two evaluations, at steps 1 and 2, of so many rows."""
    columns = {"eval_accuracy": [before, after]}
    if rows is not None:
        columns |= {"eval_runtime": [2.0, 2.0], "eval_samples_per_second": [rows / 2, rows / 2]}
    (trace,) = run(columns)
    return held_score(trace, 1, 2)


@pytest.mark.parametrize(
    ("before", "after", "rows", "held"),
    [
        (0.9, 0.9, None, True),
        (0.9, 0.899, None, False),  # nothing tells how many rows: it fell
        (0.941, 0.938, 320, True),  # one row of 320
        (0.941, 0.930, 320, False),
        (0.917, 0.900, 60, False),  # one row of 60 is more than one in 200
    ],
)
def test_one_row_in_two_hundred_is_no_fall(
    before: float, after: float, rows: int | None, held: bool
) -> None:
    assert scored(before, after, rows) == ("accuracy" if held else "")


def test_errors_widen_what_counts_as_held() -> None:
    """One standard error of 60 rows is more than one of them."""
    columns = {
        "eval_accuracy": [0.917, 0.900],
        "eval_runtime": [2.0, 2.0],
        "eval_samples_per_second": [30.0, 30.0],
    }
    (trace,) = run(columns)
    assert held_score(trace, 1, 2) == ""
    assert held_score(trace, 1, 2, errors=1.0) == "accuracy"
