"""Tables that are logs, and data that is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readers.logs.fixture_logs import LOGS

from tunewell.core.errors import InputError
from tunewell.readers.logs import find_runs, is_log_file, read_trace
from tunewell.readers.logs.columns import Points
from tunewell.readers.logs.rows import LogRows
from tunewell.readers.logs.table_rows import log_head


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return path


DATA: dict[str, list[list[object]]] = {
    "labels.csv": [["text", "label"], ["a", 1], ["b", 2]],
    "steps_of_a_recipe.csv": [["step", "text", "loss"], [1, "stir", 0.1], [2, "boil", 0.2]],
    "numbers.csv": [["x", "y", "loss"], [1, 2, 3], [4, 5, 6]],
    "ids.csv": [["step", "score"], [1, 3], [2, 4]],
    "falling.csv": [["step", "loss"], [9, 1], [7, 1], [5, 1], [3, 1]],
    "one_row.csv": [["step", "loss"], [1, 2]],
    "words.csv": [["step", "loss"], [1, "low"], [2, "high"]],
    "insurance.csv": [["epoch", "claim", "loss_reason"], [1, 5, "fire"], [2, 6, "water"]],
    "long.csv": [["step", "loss", "note"], [1, 0.1, "a" * 80], [2, 0.2, "b" * 80]],
}


@pytest.mark.parametrize("name", DATA)
def test_data_is_never_taken_for_a_log(tmp_path: Path, name: str) -> None:
    """A step that rises, a loss in numbers, and no text: all three."""
    path = write(tmp_path / name, DATA[name])
    assert is_log_file(path) is None
    assert find_runs(path) == ()


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "x"}], "step": 1, "reward": 0.5},
        {"prompt": "a", "completion": "b", "step": 1, "reward": 0.5},
        {"tokens": ["a"], "iteration": 1, "loss": 0.5},
    ],
)
def test_rollouts_are_data(tmp_path: Path, row: dict[str, object]) -> None:
    """Rows with a step and a reward that hold texts are answers of a model."""
    path = tmp_path / "rollouts.jsonl"
    path.write_text(
        "".join(json.dumps(row | {"step": at, "iteration": at}) + "\n" for at in (1, 2, 3))
    )
    assert log_head(path) == []


def test_examples_of_this_project_are_no_logs() -> None:
    """None of the shipped data."""
    root = Path(__file__).parents[3] / "examples"
    files = [path for path in root.rglob("*") if path.suffix in {".csv", ".jsonl", ".tsv"}]
    assert files
    assert [path for path in files if is_log_file(path)] == []


def test_runs_appended_to_one_file(tmp_path: Path) -> None:
    """Steps that begin again are another run; steps that go back a little are the same, resumed."""
    path = write(
        tmp_path / "log.csv",
        [["step", "loss"]]
        + [[step, 2.0] for step in (10, 20, 30, 40, 30, 40, 50)]
        + [["step", "loss"]]
        + [[step, 1.0] for step in (10, 20, 30)],
    )
    newest, oldest = find_runs(path)
    assert (newest.name, oldest.name) == ("log.csv:2", "log.csv:1")
    assert newest.read()[0].column("loss").values.tolist() == [1.0] * 3
    first = oldest.read()[0]
    assert first.column("loss").steps.tolist() == [10, 20, 30, 40, 50]
    assert [(r.step, r.reached) for r in first.restarts] == [(30, 40)]


def test_rows_of_two_sides(tmp_path: Path) -> None:
    """A column that says which data a row is of."""
    path = write(
        tmp_path / "log.csv",
        [
            ["epoch", "split", "loss"],
            [1, "train", 2],
            [1, "val", 3],
            [2, "train", 1],
            [2, "val", 4],
        ],
    )
    trace = read_trace(path)
    assert trace.column("loss").values.tolist() == [2, 1]
    assert trace.column("eval_loss").values.tolist() == [3, 4]


def test_nan_that_was_logged_is_kept(tmp_path: Path) -> None:
    """NaN on the rows of a metric is a value; NaN between them a cell that was never logged."""
    rows: list[list[object]] = [["step", "loss", "val_loss"]]
    rows += [[at, "nan" if at == 7 else 1.0, {0: 2.0}.get(at % 3, "nan")] for at in range(1, 31)]
    rows[27][2] = "nan"
    trace = read_trace(write(tmp_path / "log.csv", rows))
    assert len(trace.column("loss")) == 30
    assert np.isnan(trace.column("loss").values).sum() == 1
    evaluated = trace.column("eval_loss")
    assert evaluated.steps.tolist() == list(range(3, 31, 3))
    assert np.isnan(evaluated.values).sum() == 1


ROW = st.tuples(
    st.integers(0, 30),
    st.dictionaries(st.sampled_from(["loss", "eval_loss"]), st.floats(-5, 5), min_size=1),
)


@settings(deadline=None)
@given(st.lists(ROW, max_size=30))
def test_rows_are_settled_as_points_are(rows: list[tuple[int, dict[str, float]]]) -> None:
    """A file read to its end gives what a live run would have shown."""
    points, gathered = Points(), LogRows()
    for step, values in rows:
        points.add(step, values)
        gathered.add(step, values.items())
    run = gathered.run(0, len(rows))
    assert run.columns.keys() == points.columns().keys()
    for name, column in points.columns().items():
        assert run.columns[name].steps.tolist() == column.steps.tolist()
        assert run.columns[name].values.tolist() == column.values.tolist()
    assert [(r.step, r.reached) for r in run.restarts] == [
        (r.step, r.reached) for r in points.restarts
    ]


CUTTABLE = [
    "tables/frame.csv",
    "tables/frame.jsonl",
    "tinker/metrics.jsonl",
    "llamafactory/trainer_log.jsonl",
    "lightning/lightning_logs/version_0/metrics.csv",
    "torchtune/log_1770000001.txt",
    "transformers_text/terminal.txt",
    "transformers_text/buffered.txt",
    "transformers_text/pasted.txt",
    "keras/bar.txt",
    "axolotl/debug.log",
]


@settings(deadline=None, max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("name", CUTTABLE)
def test_a_file_cut_at_any_byte(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """What was written whole is read as in the whole file; a half line adds no wrong value."""
    whole = LOGS / name
    content = whole.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("cut") / whole.parent.name
    folder.mkdir()
    path = folder / whole.name
    path.write_bytes(content[:cut])
    try:
        found = find_runs(path)
        trace = found[0].read()[0] if found else None
    except InputError:
        return
    if trace is None:
        return
    known: dict[str, set[float]] = {}
    for run in find_runs(whole):
        full = run.read()[0]
        for columns in (full.columns, full.superseded):
            for metric, column in columns.items():
                known.setdefault(metric, set()).update(column.values.tolist())
    for metric, column in trace.columns.items():
        assert (np.diff(column.steps) > 0).all()
        finite = {value for value in column.values.tolist() if np.isfinite(value)}
        assert finite <= known[metric]
