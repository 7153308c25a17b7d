"""Logs that real tools wrote: every point of every file is read, at its step."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.readers.logs.fixture_logs import (
    LOGS,
    PRINTED,
    assert_points,
    expected,
    held,
    set_times,
    truth,
)

from tunewell.readers.logs import find_runs, folder_runs, is_log_file, read_run, read_trace

NUMBERED = {"stdout_only", "prefixed"}
"""Without a bar and without the number of steps in the text nothing tells the steps."""

TEXTS = [
    (scenario, name)
    for scenario in ("transformers_text", "trl_text", "keras")
    for name in truth(scenario)
]


@pytest.mark.parametrize(("scenario", "name"), TEXTS)
def test_printed_logs(scenario: str, name: str) -> None:
    """Bars, buffers, colours, accidents, several runs: all points, and how the run ended."""
    found = find_runs(LOGS / scenario / f"{name}.txt")
    wanted = truth(scenario)[name]
    assert len(found) == len(wanted)
    for run, want in zip(reversed(found), wanted, strict=True):
        trace = run.read()[0]
        if name in NUMBERED:
            assert "numbered" in trace.source
            assert trace.max_steps is None
            continue
        assert_points(trace, want["points"], tolerance=PRINTED)
        assert trace.max_steps == want["max_steps"]
        assert trace.finished == want["finished"]


@pytest.mark.parametrize("name", sorted(NUMBERED))
def test_logs_without_steps_are_numbered(name: str) -> None:
    """The values are all there, in order; the source says that their steps are numbers."""
    trace = read_trace(LOGS / "transformers_text" / f"{name}.txt")
    for metric, want in expected(truth("transformers_text")[name][0]["points"]).items():
        got = trace.column(metric)
        values = [want[step] for step in sorted(want)]
        assert np.allclose(got.values, values, rtol=PRINTED)
        assert (np.diff(got.steps) > 0).all()
    # An evaluation stands at the number of the last row of training with its epoch or after it.
    assert trace.column("eval_loss").steps[-1] >= trace.column("loss").steps[-1]


def test_times_before_lines_are_kept() -> None:
    """A prefix of rank and time tells when each line was written."""
    times = read_trace(LOGS / "transformers_text" / "prefixed.txt").column("loss").times
    assert times is not None
    assert (np.diff(times) > 0).all()


def test_a_resumed_run_pasted_after_the_one_that_died() -> None:
    """What the first process logged after the checkpoint is kept apart."""
    trace = read_trace(LOGS / "transformers_text" / "resumed.txt")
    want = truth("transformers_text")["resumed"][0]["superseded"]
    assert [(r.step, r.reached) for r in trace.restarts] == [(45, 50)]
    repeated = held(trace.superseded["loss"])
    again = held(trace.column("loss"))
    for step, value in expected(want)["loss"].items():
        # A value that came out the same to four digits is not told to be repeated.
        assert np.isclose(repeated.get(step, again[step]), value, rtol=PRINTED)


def test_axolotl() -> None:
    """debug.log in an output folder."""
    (want,) = truth("axolotl")["runs"]
    trace = read_trace(LOGS / "axolotl")
    assert assert_points(trace, want["points"], tolerance=PRINTED) == 71
    assert trace.finished


def test_torchtune() -> None:
    """One file a run, with infinity."""
    runs = sorted(find_runs(LOGS / "torchtune"), key=lambda run: run.name)
    for run, want in zip(runs, truth("torchtune")["runs"], strict=True):
        assert_points(run.read()[0], want["points"])


def test_lightning() -> None:
    """Three versions; header rewritten for a late key; NaN; hparams.yaml."""
    runs = sorted(find_runs(LOGS / "lightning"), key=lambda run: run.name)
    assert [run.name for run in runs] == ["version_0", "version_1", "version_2"]
    for run, want in zip(runs, truth("lightning")["runs"], strict=True):
        trace = run.read()[0]
        assert_points(trace, want["points"])
        assert trace.framework == "lightning"
        assert {"learning_rate", "width"} <= trace.settings.keys()
    assert np.isnan(runs[2].read()[0].column("loss").values).any()
    inside = LOGS / "lightning" / "lightning_logs" / "version_1"
    assert read_trace(inside).name == read_trace(inside / "metrics.csv").name == "version_1"


def test_llamafactory() -> None:
    """trainer_log.jsonl with training_args.yaml beside it."""
    (want,) = truth("llamafactory")["runs"]
    trace = read_trace(LOGS / "llamafactory")
    assert_points(trace, want["points"])
    assert (trace.max_steps, trace.finished) == (72, True)
    assert trace.settings["learning_rate"] == 1e-3


def test_llamafactory_beside_trainer_state(tmp_path: Path) -> None:
    """The Trainer's own file counts; the callback adds what it lacks."""
    folder = tmp_path / "out"
    shutil.copytree(LOGS / "llamafactory", folder)
    (folder / "state_for_join.json").rename(folder / "trainer_state.json")
    trace = read_trace(folder)
    assert trace.source.startswith("Hugging Face trainer_state.json, with LLaMA-Factory")
    assert len(trace.column("grad_norm")) == len(trace.column("loss")) == 14
    assert len(trace.column("throughput"))
    assert trace.settings["lr_scheduler_type"] == "linear"


def test_tinker() -> None:
    """metrics.jsonl, with names of its own, and config.json."""
    points = truth("tinker")["runs"][0]["points"]
    own = {
        "train_mean_nll": "loss",
        "optim/lr": "learning_rate",
        "test/nll": "eval_loss",
        "progress/batch": "progress/batch",
    }
    trace = read_trace(LOGS / "tinker")
    assert_points(trace, {own[name]: logged for name, logged in points.items()})
    assert trace.settings["batch_size"] == 32


def test_pandas() -> None:
    """A frame written with its index, and NaN for a cell that was never logged."""
    points = truth("tables")["frame.csv"][0]["points"]
    assert_points(read_trace(LOGS / "tables" / "frame.csv"), points)
    lines = read_trace(LOGS / "tables" / "frame.jsonl")
    assert_points(lines, {"epoch": points["epoch"]})
    assert len(lines.column("grad_norm")) == 38  # JSON of pandas has null for NaN and infinity


RESTARTED = [
    *(f"checkpoint-{step}/trainer_state.json" for step in (60, 72, 20, 40)),
]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Output folders with the times that they had."""
    shutil.copytree(LOGS / "hugging_face", tmp_path / "out")
    set_times(tmp_path / "out" / "restarted", RESTARTED)
    return tmp_path / "out"


def test_a_folder_that_another_run_was_started_in(folders: Path) -> None:
    """The newest run counts, though a checkpoint of the older one has a higher step."""
    newest, older = find_runs(folders / "restarted")
    trace = newest.read()[0]
    told = truth("hugging_face")
    assert_points(trace, told["restarted_all"], tolerance=1e-6)
    assert trace.saved_steps == (20, 40)
    assert not trace.finished
    assert trace.restarts == ()
    assert older.name == "restarted/checkpoint-72"
    assert older.read()[0].column("loss").steps[-1] == 70
    assert read_run(folders / "restarted", "checkpoint-72")[0].saved_steps == (60, 72)


def test_a_killed_run_is_known_beyond_its_last_checkpoint(folders: Path) -> None:
    """What was printed after the last checkpoint joins the state."""
    trace = read_trace(folders / "killed")
    assert_points(trace, truth("hugging_face")["killed"], tolerance=PRINTED)
    assert trace.last_step == 55
    assert (trace.finished, trace.kept_step, trace.max_steps) == (False, None, 72)


def test_a_resumed_run_with_its_tracker(folders: Path) -> None:
    """TensorBoard tells of the part that was lost; the model card and the tracker of settings."""
    trace = read_trace(folders / "resumed")
    assert_points(trace, truth("hugging_face")["resumed"])
    (restart,) = trace.restarts
    assert (restart.step, restart.reached) == (45, 55)
    assert held(trace.superseded["loss"]).keys() == {50, 55}  # 45 came out the same again
    assert trace.settings["learning_rate"] == 1e-3
    assert trace.settings["optim"] == "adamw_torch_fused"
    assert trace.summary["train_runtime"] > 0


def test_the_model_card_alone_tells_settings(folders: Path) -> None:
    """Without a tracker the arguments come from the README that the Trainer writes."""
    shutil.rmtree(folders / "resumed" / "runs")
    settings = read_trace(folders / "resumed").settings
    assert settings["per_device_train_batch_size"] == 4
    assert settings["num_train_epochs"] == 3
    assert settings["seed"] == 1


def test_a_history_that_was_cut(folders: Path) -> None:
    """Points that only an older checkpoint knows are joined."""
    import json

    folder = folders / "resumed"
    for part in ("runs", "checkpoint-60", "checkpoint-72"):
        shutil.rmtree(folder / part)
    state = folder / "trainer_state.json"
    held_ = json.loads(state.read_text())
    held_["log_history"] = [row for row in held_["log_history"] if row["step"] > 40]
    state.write_text(json.dumps(held_))
    trace = read_trace(folder)
    assert_points(trace, truth("hugging_face")["resumed"])


def test_a_damaged_checkpoint_takes_nothing_from_the_others(folders: Path) -> None:
    """A process killed while it saved."""
    broken = folders / "killed" / "checkpoint-60"
    broken.mkdir()
    (broken / "trainer_state.json").write_text('{"log_history": [{"loss": 1.0, "st')
    assert read_trace(folders / "killed").last_step == 55


def test_which_folders_are_logs(folders: Path) -> None:
    """A walk over a project names the folder of a run, in one format."""
    assert [run.format for run in folder_runs(folders / "resumed")] == [
        "Hugging Face trainer_state.json"
    ]
    assert folder_runs(folders) == ()  # its runs lie in folders below
    assert {run.name for run in folder_runs(LOGS / "lightning")} == {
        "version_0",
        "version_1",
        "version_2",
    }


@pytest.mark.parametrize(
    ("file", "role"),
    [
        ("llamafactory/trainer_log.jsonl", "log"),
        ("tinker/metrics.jsonl", "log"),
        ("tables/frame.csv", "log"),
        ("keras/bar.txt", "text-log"),
        ("torchtune/log_1770000000.txt", "text-log"),
        ("axolotl/debug.log", "text-log"),
    ],
)
def test_which_files_are_logs(file: str, role: str) -> None:
    """By what they hold."""
    told = is_log_file(LOGS / file)
    assert told is not None
    assert told[0] == role
