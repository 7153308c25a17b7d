"""How long large logs of trackers take to read, and how much memory.

    python benchmarks/read_logs.py make FOLDER    # where torch, wandb, mlflow, trackio are
    python benchmarks/read_logs.py read FOLDER    # where Tunewell is; prints JSON

`make` logs 25,000 steps with each tool (NaN at every 1,000th) and a million points with
TensorBoard's writer. A large database is the one that the tool made, with rows added to its own
tables until it has 300 MB: logging them one by one would take hours. `read` reads each in a process
of its own, compares every point with what was logged, and takes the peak of resident memory above
that of a process that has only imported the reader.
"""

# ruff: noqa: PLC0415
# Tools are imported where they are used; the two halves run in different environments.
from __future__ import annotations

import json
import math
import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

STEPS = 25_000
MILLION = 250_000
NAN_AT = 7
TAGS = ("train/loss", "train/grad_norm", "train/learning_rate", "train/epoch")
LARGE_BYTES = 300_000_000
MIB = 1024


def value(step: int, tag: int) -> float:
    """What is logged: NaN at times."""
    return math.nan if step % 1000 == NAN_AT else (tag + 1) / (step + 1)


def make(folder: Path) -> None:
    """Log with every tool."""
    sys.path.insert(0, str(Path(__file__).parent))
    import make_logs

    os.environ |= make_logs.NEUTRAL
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    import contextlib

    import mlflow
    from mlflow.entities import Metric

    with contextlib.ExitStack() as open_:
        tools = [make_logs.start_tensorboard, make_logs.start_wandb, make_logs.start_trackio]
        writers = [start(open_, "long", {"learning_rate": 0.1}) for start in tools]
        for step in range(STEPS):
            for write in writers:
                write(step, {tag: value(step, at) for at, tag in enumerate(TAGS[:2])})
    client = mlflow.MlflowClient()
    with mlflow.start_run(run_name="long") as run:
        for start in range(0, STEPS, 500):
            now = int(time.time() * 1000)
            metrics = [
                Metric(tag, value(step, at), now, step)
                for step in range(start, start + 500)
                for at, tag in enumerate(TAGS[:2])
            ]
            client.log_batch(run.info.run_id, metrics=metrics)
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter("million/long") as writer:
        for step in range(MILLION):
            for at, tag in enumerate(TAGS):
                writer.add_scalar(tag, value(step, at), step)
    enlarge(folder)


def enlarge(folder: Path) -> None:
    """Databases of 300 MB: the tools' own, with more rows of the same run."""
    for name, source in (("mlflow", "mlflow.db"), ("trackio", "trackio/direct.db")):
        large = folder / f"large-{name}" / Path(source).name
        large.parent.mkdir(exist_ok=True)
        with sqlite3.connect(folder / source) as own, sqlite3.connect(large) as copy:
            own.backup(copy)
            copy.execute("PRAGMA synchronous = OFF")
            step = STEPS
            while large.stat().st_size < LARGE_BYTES:
                steps = range(step, step + 100_000)
                add_rows(copy, name, steps)
                copy.commit()
                step = steps.stop
            copy.execute("PRAGMA journal_mode = DELETE")
        own.close()
        copy.close()
        (large.parent / "steps").write_text(str(step))


def add_rows(copy: sqlite3.Connection, name: str, steps: range) -> None:
    """Rows as the tool writes them."""
    if name == "mlflow":
        (run,) = copy.execute("SELECT run_uuid FROM runs").fetchone()
        logged = ((tag, value(step, at), step) for step in steps for at, tag in enumerate(TAGS[:2]))
        copy.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                (tag, 0.0 if math.isnan(told) else told, 1.8e12 + step, run, step, math.isnan(told))
                for tag, told, step in logged
            ),
        )
        return
    run, name = copy.execute("SELECT run_id, run_name FROM metrics LIMIT 1").fetchone()
    copy.executemany(
        "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)",
        (
            (run, "2027-01-01T00:00:00+00:00", name, step, json.dumps(row(step)).encode())
            for step in steps
        ),
    )


def row(step: int) -> dict[str, float | str]:
    """A row of Trackio's: what is not finite is a text."""
    values = {tag: value(step, at) for at, tag in enumerate(TAGS[:2])}
    return {tag: "NaN" if math.isnan(told) else told for tag, told in values.items()}


def size(file: Path) -> int:
    """Bytes of a file."""
    return file.stat().st_size


def read(folder: Path) -> None:
    """Read each log in a process of its own."""
    logs = {
        "tensorboard, 25,000 steps": (folder / "runs", STEPS, 2),
        "wandb, 25,000 steps": (folder / "wandb", STEPS, 2),
        "mlflow, 25,000 steps": (folder / "mlflow.db", STEPS, 2),
        "trackio, 25,000 steps": (folder / "trackio", STEPS, 2),
        "tensorboard, 1,000,000 points": (folder / "million", MILLION, 4),
    }
    for name in ("mlflow", "trackio"):
        large = folder / f"large-{name}"
        logs[f"{name}, 300 MB"] = (large, int((large / "steps").read_text()), 2)
    results: dict[str, dict[str, float]] = {}
    for name, (path, steps, tags) in logs.items():
        command = [sys.executable, __file__, "one", str(path), str(steps), str(tags)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        results[name] = json.loads(told)
    print(json.dumps(results, indent=2))


def one(path: Path, steps: int, tags: int) -> None:
    """Read one log and compare it."""
    import numpy as np

    from tunewell.readers.logs import read_run

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {"imported_mib": round(before / MIB)}
    if steps:
        start = time.process_time()
        trace, _ = read_run(path)
        result["processor_seconds"] = round(time.process_time() - start, 2)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result["peak_above_import_mib"] = round((peak - before) / MIB)
        result["points"] = sum(len(column) for column in trace.columns.values())
        result["file_mib"] = round(sum(map(size, path.rglob("*"))) / 2**20) or size(path) >> 20
        for at, tag in enumerate(TAGS[:tags]):
            column = trace.column(tag.removeprefix("train/"))
            np.testing.assert_array_equal(column.steps, np.arange(steps))
            known = np.array([value(step, at) for step in range(steps)])
            if "TensorBoard" in trace.source:
                known = known.astype(np.float32).astype(np.float64)
            np.testing.assert_array_equal(column.values, known)
    print(json.dumps(result))


if __name__ == "__main__":
    what, place, *rest = sys.argv[1:]
    if what == "one":
        one(Path(place), *map(int, rest))
    else:
        {"make": make, "read": read}[what](Path(place).resolve())
