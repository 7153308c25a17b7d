"""Where a run was taken up again, told from its points alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.readers.logs.chronicle import Chronicle
from tunewell.readers.logs.columns import Points
from tunewell.readers.logs.history_rows import HistoryRows


def gathered(rows: list[tuple[int, str]], sessions: tuple[int, ...] = ()) -> Points:
    """Points of a log whose rows each hold one metric; the value is the row's number."""
    chronicle = Chronicle()
    for number, (step, name) in enumerate(rows):
        if number in sessions:
            chronicle.session(number)
        chronicle.put(name, step, float(number), time=math.nan, at=number)
    return chronicle.points()


def loss(*steps: int) -> list[tuple[int, str]]:
    """Rows of one metric."""
    return [(step, "loss") for step in steps]


@pytest.mark.parametrize(
    ("rows", "sessions", "restarts"),
    [
        (loss(10, 20, 30, 40, 20, 30, 40, 50), (), [(20, 40)]),
        (loss(10, 20, 30, 10, 20, 30, 20, 30, 40), (), [(10, 30), (20, 30)]),
        # One value that came late, in the middle and at the end.
        (loss(10, 20, 30, 25, 40, 50), (), []),
        (loss(10, 20, 30, 40, 35), (), []),
        # Two processes that log side by side.
        (loss(1, 1, 2, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5), (), []),
        # An evaluation that another process logs later.
        ([*loss(10, 20, 30), (10, "eval_loss"), *loss(40), (20, "eval_loss")], (), []),
        # A new session, killed before it logged anything twice.
        (loss(10, 20, 30, 15), (3,), [(15, 30)]),
        (loss(10, 20, 30, 40), (2,), []),
        # The same step once more, as a last evaluation after training.
        (loss(10, 20, 20), (2,), []),
        # Epochs of two kinds of rows go back without meaning.
        ([(1, "epoch"), (5, "epoch"), (1, "epoch"), (5, "epoch"), (9, "epoch")], (), []),
    ],
)
def test_restarts(
    rows: list[tuple[int, str]], sessions: tuple[int, ...], restarts: list[tuple[int, int]]
) -> None:
    """Only a later part that logs again what it passes replaces it."""
    points = gathered(rows, sessions)
    assert [(restart.step, restart.reached) for restart in points.restarts] == restarts


def test_a_restart_takes_all_metrics_back() -> None:
    """What the later part did not come to log again no longer stands either."""
    rows = [*loss(10, 20, 30), (30, "eval_loss"), *loss(40, 20, 30)]
    points = gathered(rows)
    assert "eval_loss" not in points.columns()
    assert points.superseded()["eval_loss"].steps.tolist() == [30]
    assert points.columns()["loss"].values.tolist() == [0, 5, 6]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["loss", "eval_loss", "epoch"])), max_size=30
    ),
    st.lists(st.integers(0, 30), max_size=2),
)
def test_no_point_is_lost(rows: list[tuple[int, str]], sessions: list[int]) -> None:
    """Each stands or was superseded; values that repeat a step alike count once."""
    points = gathered(rows, tuple(sessions))
    columns, old = points.columns(), points.superseded()
    kept = sum(map(len, columns.values())) + sum(map(len, old.values()))
    assert kept == len(rows)
    for name, column in columns.items():
        assert column.steps.tolist() == sorted({*column.steps.tolist()})
        last = {step: number for number, (step, own) in enumerate(rows) if own == name}
        assert all(
            value == last[step] for step, value in zip(column.steps, column.values, strict=True)
        )


def test_points_of_no_step_are_numbered() -> None:
    """MLflow's step is 0 where the script gave none; one that is above 0 makes all of them real."""
    chronicle = Chronicle()
    for at in (2, 1, 3):
        chronicle.put("loss", 0, float(at), time=math.nan, at=at)
    chronicle.number_if_all_at_zero()
    column = chronicle.points().columns()["loss"]
    assert column.steps.tolist() == [0, 1, 2]
    assert column.values.tolist() == [1.0, 2.0, 3.0]


def test_the_step_of_a_row() -> None:
    """The optimizer step where rows hold it, the last known for a row without, else the count."""
    chronicle = Chronicle()
    rows = HistoryRows(chronicle)
    rows.add({"loss": 1.0}, step=0)
    rows.add({"loss": 1.0, "train/global_step": 50}, step=1)
    rows.add({"f1": 0.5, "note": "x", "flag": True, "table": {"_type": "table", "n": 1}}, step=2)
    rows.add({"deep": {"er": 2}, "iteration": 3, "_timestamp": 7.5}, step=3)
    columns = chronicle.points().columns()
    assert {name: column.steps.tolist() for name, column in columns.items()} == {
        "loss": [0, 50],
        "f1": [50],
        "deep.er": [50],
        "iteration": [50],
    }
    assert columns["deep.er"].times is not None
    assert columns["deep.er"].times.tolist() == [7.5]
