"""What a plan of a project learns from its runs, and what it leaves for the next one."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from tests.api.planning.simulations import CALL, recorded

from tunewell.api.plan import Call, Planned, plan
from tunewell.api.planning.flags import Flags
from tunewell.api.runs_folder import RUNS
from tunewell.api.train import plan_of
from tunewell.api.workspace import open_workspace
from tunewell.core.progress import Silent
from tunewell.plan import corrections
from tunewell.plan.corrections import Correction
from tunewell.subjects.machine import Machine
from tunewell.subjects.prediction import Prediction

GIB = 1024**3
LAPTOP = Machine(cores=2, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB)
SFT = """\
model_name_or_path: Qwen/Qwen2.5-7B
dataset_name: trl-lib/Capybara
learning_rate: 2.0e-4
per_device_train_batch_size: 4
max_length: 2048
gradient_checkpointing: false
bf16: true
dtype: bfloat16
use_peft: true
"""


def run(number: int, *, gpu: str = "H100 80GB HBM3", times: float = 1.1) -> Correction:
    """A run that took so much more of everything than was predicted."""
    return Correction(
        gpu=gpu,
        architecture="qwen2",
        step=f"step {number}",
        predicted_allocated=10 * GIB,
        predicted_reserved=12 * GIB,
        measured_allocated=round(10 * GIB * times),
        measured_reserved=round(12 * GIB * times),
        predicted_seconds=1.0,
        measured_seconds=2.0,
    )


def project(folder: Path, *runs: Correction) -> Call:
    (folder / "sft.yaml").write_text(SFT)
    for each in runs:
        corrections.append(folder / RUNS / corrections.NAME, each)
    return Call((folder,), flags=Flags(gpu="H100"))


def planned(call: Call, *, most: int | None = None) -> Planned:
    return plan(call, machine=LAPTOP, simulate=recorded, most=most, today=dt.date(2026, 11, 27))


def test_what_runs_measured_corrects_memory_and_time(tmp_path: Path) -> None:
    plain = planned(project(tmp_path)).document
    assert "corrections" not in plain.facts
    call = project(tmp_path, run(1), run(2, times=1.2), run(3, gpu="L4", times=1.9))
    found = planned(call).document
    memory, before = found.facts["memory"], plain.facts["memory"]
    assert memory["peak_allocated_bytes"] == round(before["peak_allocated_bytes"] * 1.15)
    assert memory["peak_reserved_bytes"] == pytest.approx(
        before["peak_reserved_bytes"] * 1.15, abs=2
    )
    took, was = found.facts["time"]["step_seconds"], plain.facts["time"]["step_seconds"]
    assert took["value"] == pytest.approx(2 * was["value"])
    told = found.facts["corrections"]
    assert told["uncorrected"]["peak_allocated_bytes"] == before["peak_allocated_bytes"]
    assert told["uncorrected"]["step_seconds"] == pytest.approx(was["value"])
    assert told["allocated"]["runs"] == 2  # not the run on another GPU
    assumed = next(s for s in found.sections if s.id == "assumed")
    assert "Corrected by what runs on this GPU" in assumed.text
    assert "allocated memory x 1.150 (2 runs)" in assumed.text


def test_what_to_change_is_sought_with_the_correction(tmp_path: Path) -> None:
    """What would just fit as simulated does not, where runs took more."""
    fits = planned(project(tmp_path), most=4).document
    assert fits.facts["memory"]["verdict"] == "fits"
    call = project(tmp_path, run(1, times=1.9))
    found = planned(call, most=4).document
    assert found.facts["memory"]["verdict"] == "does-not-fit"
    fitting = [c for c in found.facts["changes"] if c["verdict"] == "fits"]
    assert all(c["process_bytes"] <= found.facts["memory"]["available_bytes"] for c in fitting)


def test_the_prediction_goes_where_runs_are_and_nowhere_else(tmp_path: Path) -> None:
    """It is uncorrected: a run is held against what was simulated."""
    call = project(tmp_path)
    planned(call)
    assert not (tmp_path / RUNS).exists()
    (tmp_path / RUNS).mkdir()
    said = planned(call).document.facts["memory"]
    first = corrections.read_prediction(tmp_path / RUNS / "prediction.json")
    assert (first.gpu, first.architecture) == ("H100 80GB HBM3", "qwen2")
    assert first.allocated_bytes == said["peak_allocated_bytes"]
    planned(project(tmp_path, run(1)))
    assert corrections.read_prediction(tmp_path / RUNS / "prediction.json") == first
    planned(CALL)  # a model alone is no project
    assert sorted(path.name for path in (tmp_path / RUNS).iterdir()) == [
        corrections.NAME,
        "prediction.json",
    ]


def test_a_prediction_that_cannot_be_written_harms_no_plan(tmp_path: Path) -> None:
    call = project(tmp_path)
    (tmp_path / RUNS / "prediction.json").mkdir(parents=True)
    assert planned(call).document.facts["memory"]["method"] == "simulated"


class Noting(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """Keep one line."""
        self.said.append(text)


def test_train_takes_the_plan_that_is_newer_than_data_and_settings(tmp_path: Path) -> None:
    """None is no error, and neither is one that cannot be read."""
    data = tmp_path / "train.csv"
    data.write_text("text,label\n" + "".join(f"row {n},{n % 2}\n" for n in range(40)))
    workspace = open_workspace(tmp_path, require_model=False)
    told = Noting()
    assert plan_of(workspace, told) is None
    file = workspace.runs / "prediction.json"
    corrections.write_prediction(file, Prediction(1, 2, "L4", "bert", "a"))
    assert plan_of(workspace, told) == file
    assert told.said == []
    os.utime(data, (file.stat().st_mtime + 10,) * 2)
    assert plan_of(workspace, told) is None
    assert "older" in told.said[0]
    os.utime(data, (file.stat().st_mtime - 10,) * 2)
    file.write_text("{")
    assert plan_of(workspace, told) is None
    assert "held against no plan" in told.said[1]
