"""Logs of trackers, written by the trackers: every point, every setting, nothing invented."""

import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
from tests.readers.logs.tracker_fixtures import (
    CASES,
    FIXTURES,
    FORMATS,
    expected,
    truth,
    unpacked,
)

from tunewell.readers.logs import find_runs, read_run

EXTRA = {
    "lightning": {"epoch", "hp_metric"},
    "keras": {"learning_rate", "eval_mae", "eval_evaluation_loss_vs_iterations"}
    | {"eval_evaluation_mae_vs_iterations"},
    "tensors": {"hp_metric"},
}
"""What tools log beside what they were handed."""


WHOLE = [(format_, case) for format_, case in CASES if case != "killed"]


@pytest.mark.parametrize(("format_", "case"), WHOLE)
def test_every_point(format_: str, case: str, tmp_path: Path) -> None:
    """All points of all runs with their steps, NaN and infinity as they are, and no others."""
    found = {run.name: run for run in find_runs(unpacked(format_, case, tmp_path))}
    runs = list(expected(truth(format_, case)))
    named = {
        run: run if run in found else next(name for name in found if name.startswith(f"{run}/"))
        for run, _, _ in runs
    }
    assert sorted(named.values()) == sorted(found)
    for run, points, closing in runs:
        trace, _ = found[named[run]].read()
        extra = trace.columns.keys() - points.keys()
        assert extra <= EXTRA.get(case, set()), extra
        for name, known in points.items():
            column = trace.column(name)
            assert column.steps.tolist() == sorted(known), name
            values = np.array([known[step] for step in sorted(known)], dtype=np.float64)
            if format_ == "tensorboard" and name != "double":
                values = values.astype(np.float32).astype(np.float64)
            np.testing.assert_array_equal(column.values, values, err_msg=name)
            assert column.times is not None
            assert (np.diff(column.times) >= 0).all()
        for name, value in closing.items():
            if format_ != "trackio":  # the integration does not hand them over
                assert trace.summary[name] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("format_", ["tensorboard", "wandb"])
def test_a_killed_process(format_: str, tmp_path: Path) -> None:
    """All that came to the disk is read. W&B writes blocks of 32 KiB: the last one is lost."""
    ((_, points, _),) = expected(truth(format_, "killed"))
    trace, _ = read_run(unpacked(format_, "killed", tmp_path))
    column = trace.column("loss")
    assert column.steps.tolist() == list(range(len(column)))
    values = [points["loss"][step] for step in range(len(column))]
    assert column.values.tolist() == pytest.approx(values, rel=1e-6)
    assert len(column) >= (250 if format_ == "wandb" else 399)
    assert trace.finished == (format_ == "tensorboard")  # which keeps nothing of the end


def test_there_are_cases_of_every_format() -> None:
    """A lost folder of fixtures would make the test above pass."""
    assert {format_ for format_, _ in CASES} == set(FORMATS)
    assert len(CASES) >= 20


def test_the_fixtures_name_no_machine(tmp_path: Path) -> None:
    """No path, host or user of the machine that made them."""
    size = 0
    told = re.compile(rb"/(tmp|home|Users|root|usr|opt|private)/[A-Za-z0-9]")
    hosts = {b"localhost"} | {os.fsencode(n) for n in [socket.gethostname()] if len(n) > 4}
    for format_, case in CASES:
        size += sum(f.stat().st_size for f in (FIXTURES / format_ / case).rglob("*") if f.is_file())
        for file in unpacked(format_, case, tmp_path / format_).rglob("*"):
            if file.is_file():
                data = file.read_bytes() + os.fsencode(file.name)
                assert not told.search(data), (file, told.search(data))
                assert not [host for host in hosts if host in data], file
    assert size < 1_500_000


@pytest.mark.parametrize("format_", FORMATS)
def test_a_resumed_run(format_: str, tmp_path: Path) -> None:
    """A Trainer killed in step 25 and taken up from the checkpoint of step 20, in every tool."""
    trace, _ = read_run(unpacked(format_, "resumed", tmp_path))
    assert [(restart.step, restart.reached) for restart in trace.restarts] == [(21, 24)]
    assert trace.superseded["loss"].steps.tolist() == [22, 23, 24]
    first = truth(format_, "resumed")["parts"][0]
    values = [row["loss"] for row in first if row["step"] in {22, 23, 24}]
    assert trace.superseded["loss"].values.tolist() == pytest.approx(values, rel=1e-6)
    assert trace.finished
    assert trace.max_steps == 40
    assert trace.last_step == 40


@pytest.mark.parametrize("format_", FORMATS)
def test_what_the_trainer_says_of_its_arguments(format_: str, tmp_path: Path) -> None:
    """By their own names and with their own types, MLflow's texts too."""
    trace, _ = read_run(unpacked(format_, "trainer", tmp_path))
    expected_settings = {
        "learning_rate": 5e-3,
        "max_steps": 40,
        "per_device_train_batch_size": 4,
        "eval_strategy": "steps",
        "fp16": False,
        "n_embd": 8,
    }
    assert {name: trace.settings[name] for name in expected_settings} == expected_settings
    assert trace.framework == "transformers"
    assert trace.name == "tiny"


@pytest.mark.parametrize("format_", FORMATS)
def test_settings_of_a_plain_run(format_: str, tmp_path: Path) -> None:
    """Nested ones stay nested; what the tool adds of its own is left out."""
    trace, _ = read_run(unpacked(format_, "direct", tmp_path), "odd")
    assert trace.settings == {
        "learning_rate": 0.001,
        "optimizer": {"name": "adamw"},
        "note": "odd",
    }
    assert trace.finished


def test_how_a_run_ended(tmp_path: Path) -> None:
    """W&B keeps the exit code."""
    assert not read_run(unpacked("wandb", "axes", tmp_path))[0].finished
