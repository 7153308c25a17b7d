"""Readers of run logs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.logs import read_run, read_trace
from tunewell.readers.logs.columns import Points


def state(folder: Path, **fields: Any) -> Path:  # noqa: ANN401
    """Write a trainer_state.json as the Trainer does: indented, with bare NaN."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trainer_state.json"
    history = [{"step": 10, "loss": 1.5, "grad_norm": float("nan"), "epoch": 0.5}]
    whole = {"global_step": 10, "max_steps": 20, "log_history": history, **fields}
    path.write_text(json.dumps(whole, indent=2), encoding="utf-8")
    return path


def test_newest_checkpoint_of_an_output_folder(tmp_path: Path) -> None:
    """Checkpoints compare by number, not by name; bare NaN is read."""
    state(tmp_path / "checkpoint-90", global_step=90)
    newest = state(
        tmp_path / "checkpoint-100",
        global_step=100,
        max_steps=100,
        best_model_checkpoint="out/checkpoint-90",
    )
    trace = read_trace(tmp_path)
    assert trace.path == newest
    assert trace.saved_steps == (90, 100)
    assert trace.best_step == 90
    assert trace.finished
    assert np.isnan(trace.column("grad_norm").values[0])
    assert read_trace(newest).saved_steps == (90, 100)


def test_an_unfinished_run(tmp_path: Path) -> None:
    """10 of 20 steps."""
    assert not read_trace(state(tmp_path)).finished


@pytest.mark.parametrize("text", ["", "{", "[]", '{"log_history": 3}', "\ufeff", "[" * 100_000])
def test_junk_gets_one_sentence(tmp_path: Path, text: str) -> None:
    """The file is named."""
    path = tmp_path / "trainer_state.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"trainer_state\.json: "):
        read_trace(path)


def test_missing_and_empty(tmp_path: Path) -> None:
    """A path that is not there, and a folder without a run."""
    with pytest.raises(InputError, match="no such file"):
        read_trace(tmp_path / "x")
    with pytest.raises(InputError, match="holds no run"):
        read_trace(tmp_path)


def test_resumed_run_takes_the_later_values() -> None:
    """Steps that were repeated after a resume count once; what they replaced is kept apart."""
    points = Points()
    for step, loss in ((10, 3.0), (20, 2.0), (30, 9.0), (20, 1.0)):
        points.add(step, {"loss": loss})
    column = points.columns()["loss"]
    assert column.steps.tolist() == [10, 20]
    assert column.values.tolist() == [3.0, 1.0]
    old = points.superseded()["loss"]
    assert old.steps.tolist() == [20, 30]
    assert old.values.tolist() == [2.0, 9.0]
    assert [(restart.step, restart.reached) for restart in points.restarts] == [(20, 30)]


EVENT = st.fixed_dictionaries(
    {
        "event": st.just("log"),
        "step": st.integers(0, 10**6),
        "values": st.dictionaries(
            st.sampled_from(["loss", "eval_loss", "grad_norm"]),
            st.floats() | st.text(max_size=3) | st.none() | st.booleans(),
        ),
    }
)


@settings(deadline=None)
@given(logs=st.lists(EVENT, max_size=12), cut=st.integers(0, 200))
def test_a_killed_run_opens_wherever_it_was_cut(
    tmp_path_factory: pytest.TempPathFactory, logs: list[dict[str, Any]], cut: int
) -> None:
    """Columns rise in step, whatever was logged and wherever the file ends."""
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    lines = [json.dumps(event) for event in ({"event": "start", "max_steps": 5}, *logs)]
    text = "\n".join(lines)
    path.write_text(text[: max(len(lines[0]), len(text) - cut)], encoding="utf-8")
    trace, proof = read_run(path)
    assert proof is None
    assert not trace.finished
    assert trace.max_steps == 5
    for column in trace.columns.values():
        assert (np.diff(column.steps) > 0).all()
        assert len(column.steps) == len(column.values)


@given(
    logs=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from("ab"), st.sampled_from([1.0, 2.0, np.nan])),
        max_size=20,
    ),
    resumed=st.booleans(),
)
def test_points_against_a_plain_dictionary(
    logs: list[tuple[int, str, float]], resumed: bool
) -> None:
    """Columns hold the last value of each step since the last step back, whatever the order."""
    points = Points()
    stand: dict[str, dict[int, float]] = {}
    old: list[tuple[str, int, float]] = []
    reached = 0
    for step, name, value in logs:
        points.add(step, {name: value}, resumed=resumed)
        if resumed and step < reached:
            for other, known in stand.items():
                old += [(other, at, known.pop(at)) for at in sorted(known) if at > step]
            reached = step
        reached = max(reached, step)
        known = stand.setdefault(name, {})
        if step in known and str(known[step]) != str(value):
            old.append((name, step, known[step]))
        known[step] = value
    columns, superseded = points.columns(), points.superseded()
    assert {name: len(column) for name, column in columns.items()} == {
        name: len(known) for name, known in stand.items() if known
    }
    for name, column in columns.items():
        assert column.steps.tolist() == sorted(stand[name])
        expected = [stand[name][step] for step in sorted(stand[name])]
        np.testing.assert_array_equal(column.values, expected)
    for name in "ab":
        expected_old = sorted(((s, v) for n, s, v in old if n == name), key=lambda point: point[0])
        found = superseded.get(name)
        assert [step for step, _ in expected_old] == ([] if found is None else [*found.steps])
        np.testing.assert_array_equal(
            [value for _, value in expected_old], [] if found is None else found.values
        )
