"""Where trackers leave their logs, and what is exported from them."""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readers.logs.tracker_fixtures import FIXTURES, unpacked

from tunewell.core.errors import InputError
from tunewell.readers.logs import find_runs, read_run

ROWS: list[dict[str, float | None]] = [
    {"_step": 0, "_timestamp": 100.0, "train/loss": 2.0, "eval/loss": None},
    {"_step": 1, "_timestamp": 101.0, "train/loss": math.nan, "eval/loss": None},
    {"_step": 2, "_timestamp": 102.5, "train/loss": 1.0, "eval/loss": 1.5},
]


def exported(kind: str, folder: Path) -> Path:
    """A history as `run.history()` and `download_history_exports()` give it."""
    file = folder / f"history.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    elif kind == "jsonl":
        rows = [{k: v for k, v in row.items() if v is not None} for row in ROWS]
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, ["", *ROWS[0]])
            writer.writeheader()
            writer.writerows({"": n, **row} for n, row in enumerate(ROWS))
    return file


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_an_exported_history(kind: str, tmp_path: Path) -> None:
    """NaN is NaN, a value that was not logged is none, times are kept."""
    trace, _ = read_run(exported(kind, tmp_path))
    column = trace.column("loss")
    assert column.steps.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(column.values, [2.0, math.nan, 1.0])
    assert column.times is not None
    assert column.times.tolist() == [100.0, 101.0, 102.5]
    assert trace.column("eval_loss").steps.tolist() == [2]
    assert trace.columns.keys() == {"loss", "eval_loss"}


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 130))
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_that_was_cut(kind: str, tmp_path: Path, cut: int) -> None:
    """Half a row is none."""
    file = exported(kind, tmp_path)
    whole, _ = read_run(file)
    data = file.read_bytes()
    file.write_bytes(data[: max(0, len(data) - cut)])
    try:
        part, _ = read_run(file)
    except InputError as error:
        assert str(file) in str(error)  # noqa: PT017 - either outcome is right
        return
    for name, column in part.columns.items():
        full = whole.column(name)
        np.testing.assert_array_equal(column.values, full.values[: len(column)])


def test_a_cut_parquet_file(tmp_path: Path) -> None:
    """Parquet ends with what is needed to read it."""
    file = exported("parquet", tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"history\.parquet: holds no run"):
        read_run(file)


def test_a_chart_exported_from_the_web_page(tmp_path: Path) -> None:
    """A run for each column, without its bounds; the last line has no line break."""
    names = [
        "Step",
        "a - train/loss",
        "a - train/loss__MIN",
        "a - train/loss__MAX",
        "b - train/loss",
    ]
    lines = [names, ["10", "2.0", "2.0", "2.0", "NaN"], ["20", "", "", "", "1.0"]]
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)
    file = tmp_path / "chart.csv"
    file.write_text(text)
    assert [run.name for run in find_runs(file)] == ["a", "b"]
    assert read_run(file, "a")[0].column("loss").steps.tolist() == [10]
    column = read_run(file, "b")[0].column("loss")
    assert column.steps.tolist() == [10, 20]
    assert math.isnan(column.values[0])
    assert read_run(file, "b")[0].columns.keys() == {"loss"}


def test_another_table_is_no_export(tmp_path: Path) -> None:
    """Tables and lines without W&B's own columns are left to others."""
    for name, text in (("a.csv", "step,loss\n1,2\n"), ("b.jsonl", '{"loss": 1}\n')):
        (tmp_path / name).write_text(text)
        assert all("W&B" not in run.format for run in find_runs(tmp_path / name))


def test_places_of_wandb(tmp_path: Path) -> None:
    """The folder around, the folder itself, a run's folder, the file; the link adds no run."""
    project = tmp_path / "project"
    kept = unpacked("wandb", "direct", project).rename(project / "wandb")
    folder = next(kept.glob("*-sparse"))
    (kept / "latest-run").symlink_to(folder.name)
    for place in (project, kept):
        assert {run.name for run in find_runs(place)} == {"odd", "sparse"}
    for place in (folder, next(folder.glob("*.wandb"))):
        assert [run.name for run in find_runs(place)] == ["sparse"]


def test_an_online_run_whose_file_lost_its_start(tmp_path: Path) -> None:
    """The configuration and the summary lie beside it as text."""
    folder = tmp_path / "run-20260101_000000-abc"
    (folder / "files").mkdir(parents=True)
    (folder / "files/config.yaml").write_text(
        "wandb_version: 1\nlearning_rate:\n    desc: null\n    value: 0.1\n_wandb:\n    value: {}\n"
    )
    (folder / "files/wandb-summary.json").write_text('{"train_runtime": 9, "train_loss": 2}')
    data = bytearray(next((FIXTURES / "wandb/axes").glob("*/*.wandb")).read_bytes())
    place = data.index(b"layers") - 5
    data[place] ^= 0xFF
    (folder / "run-abc.wandb").write_bytes(bytes(data))
    trace, _ = read_run(folder)
    assert trace.summary == {"train_runtime": 9, "train_loss": 2}
    assert trace.settings == {"learning_rate": 0.1}
    assert trace.column("train.loss").values[0] == 1.0


def test_runs_of_one_name(tmp_path: Path) -> None:
    """They are told apart by their ids."""
    kept = unpacked("wandb", "direct", tmp_path)
    for name in ("x", "y"):
        folder = kept / f"offline-run-20260101_00000{ord(name) % 10}-{name}"
        folder.mkdir()
        shutil.copy(next(kept.glob("*-sparse/*.wandb")), folder / f"run-{name}.wandb")
    shutil.rmtree(next(kept.glob("*-direct-sparse")))
    assert {run.name for run in find_runs(kept)} == {"odd", "sparse-x", "sparse-y"}
    assert read_run(kept, "sparse-x")[0].name == "sparse"


def test_places_of_event_files(tmp_path: Path) -> None:
    """A Trainer's output folder, the runs in it, one run, one file."""
    runs = unpacked("tensorboard", "trainer", tmp_path / "out").rename(tmp_path / "out/runs")
    for place in (tmp_path / "out", runs, runs / "tiny", next((runs / "tiny").iterdir())):
        assert len(read_run(place)[0].column("loss")) == 40
    assert [run.name for run in find_runs(tmp_path / "out")] == ["runs/tiny"]


def test_one_side_of_a_run_of_keras(tmp_path: Path) -> None:
    """Its evaluation alone is still an evaluation."""
    run = unpacked("tensorboard", "keras", tmp_path) / "keras"
    assert [found.name for found in find_runs(run)] == ["keras"]
    assert {"loss", "eval_loss"} <= read_run(run)[0].columns.keys()
    for place in (run / "validation", next((run / "validation").iterdir())):
        names = read_run(place)[0].columns.keys()
        assert "eval_loss" in names
        assert "loss" not in names
    assert "loss" in read_run(run / "train")[0].columns


def test_a_large_picture_between_the_scalars(tmp_path: Path) -> None:
    """A record of more than 4 MiB is passed over, and the points after it are read."""
    from tests.readers.logs.event_files import event, record, scalar

    parts = [event(step, scalar("loss", step / 2)) for step in range(5)]
    parts.insert(2, b"\x2a" + b"\x00" * (5 << 20))
    file = tmp_path / "events.out.tfevents.1.host"
    file.write_bytes(b"".join(map(record, parts)))
    trace, _ = read_run(file)
    assert trace.column("loss").values.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_places_of_databases(tmp_path: Path) -> None:
    """In the folder that MLflow and Trackio were started in."""
    database = unpacked("mlflow", "kinds", tmp_path / "a") / "mlflow.db"
    assert len(find_runs(database.parent)) == 4
    assert {run.name for run in find_runs(database)} == {
        "outer",
        "outer/one",
        "outer/two",
        "stepless",
    }
    kept = unpacked("trackio", "direct", tmp_path / "b").rename(tmp_path / "b/trackio")
    assert len(find_runs(kept.parent)) == len(find_runs(kept)) == 2
    store = unpacked("mlflow", "files", tmp_path / "c").rename(tmp_path / "c/mlruns")
    run = next(store.glob("*/*/metrics/val_loss")).parents[1]
    assert len(find_runs(store.parent)) == len(find_runs(store)) == 6
    assert len(find_runs(run.parent)) == 6
    assert len(find_runs(run)) == 1


def test_the_newest_run_first(tmp_path: Path) -> None:
    """By what the log says, or by the files' times."""
    runs = unpacked("tensorboard", "direct", tmp_path)
    for name, when in (("odd", 2000), ("sparse", 1000)):
        for file in (runs / name).iterdir():
            os.utime(file, (when, when))
    assert [run.name for run in find_runs(runs)] == ["odd", "sparse"]
    kinds = unpacked("mlflow", "kinds", tmp_path)
    whens = [run.when for run in find_runs(kinds)]
    assert whens == sorted(whens, reverse=True)


def test_no_package_of_a_tracker_is_needed(tmp_path: Path) -> None:
    """The plain install reads all of them: nothing of the tools is imported."""
    code = """
import sys
from pathlib import Path
from tunewell.readers.logs import read_run
for place in sys.argv[1:]:
    read_run(Path(place))
tools = {"tensorboard", "tensorflow", "wandb", "mlflow", "trackio", "google", "torch", "pandas"}
assert not tools & sys.modules.keys(), tools & sys.modules.keys()
"""
    places = [
        str(unpacked(format_, "direct", tmp_path / format_))
        for format_ in ("tensorboard", "wandb", "mlflow", "trackio")
    ]
    subprocess.run([sys.executable, "-c", code, *places], check=True)
