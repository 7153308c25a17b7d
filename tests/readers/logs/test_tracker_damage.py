"""Half-written, damaged and strange files of trackers: a part of the points or one sentence."""

import shutil
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readers.logs.tracker_fixtures import FIXTURES, unpacked

from tunewell.core.errors import InputError
from tunewell.readers.logs import find_runs, read_run
from tunewell.subjects.trace import Trace

SHARED = [HealthCheck.function_scoped_fixture]
"""A folder may be used again by the next example: the files in it are written anew."""

SMALL = {
    "tensorboard": next((FIXTURES / "tensorboard/direct/sparse").iterdir()),
    "wandb": next((FIXTURES / "wandb/direct").glob("*/run-direct-sparse.wandb")),
}
LARGER = {
    "tensorboard": next((FIXTURES / "tensorboard/trainer/tiny").iterdir()),
    "wandb": next((FIXTURES / "wandb/trainer").glob("*/*.wandb")),
}


def read_or_sentence(path: Path) -> Trace | None:
    """The trace, or None where the one sentence came that names the file."""
    try:
        return read_run(path)[0]
    except InputError as error:
        message = str(error)
        assert str(path) in message
        assert "\n" not in message
        return None


def assert_prefix(part: Trace | None, whole: Trace) -> int:
    """Every column is the beginning of the whole run's; the number of its points."""
    if part is None:
        return 0
    everything = {**whole.columns}
    for name, column in part.columns.items():
        full = everything[name]
        assert column.steps.tolist() == full.steps[: len(column)].tolist()
        np.testing.assert_array_equal(column.values, full.values[: len(column)])
    return sum(len(column) for column in part.columns.values())


@pytest.mark.parametrize("format_", SMALL)
def test_cut_anywhere(format_: str, tmp_path: Path) -> None:
    """As a killed run or a copy that broke off leaves it: never fewer points for more bytes."""
    data = SMALL[format_].read_bytes()
    file = tmp_path / SMALL[format_].name
    whole, _ = read_run(SMALL[format_])
    points = 0
    for end in (*range(0, len(data) - 200, 31), *range(len(data) - 200, len(data) + 1)):
        file.write_bytes(data[:end])
        now = assert_prefix(read_or_sentence(file), whole)
        assert now >= points
        points = now
    assert points == sum(len(column) for column in whole.columns.values())


@settings(deadline=None, max_examples=25, suppress_health_check=SHARED)
@given(data=st.data())
@pytest.mark.parametrize("format_", SMALL)
def test_bytes_changed_anywhere(format_: str, tmp_path: Path, data: st.DataObject) -> None:
    """What does not fit its checksum is left out; no value is invented."""
    content = bytearray(LARGER[format_].read_bytes())
    whole, _ = read_run(LARGER[format_])
    for spot in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[spot] ^= data.draw(st.integers(1, 255))
    file = tmp_path / LARGER[format_].name
    file.write_bytes(bytes(content))
    part = read_or_sentence(file)
    if part is None:
        return
    for name, column in part.columns.items():
        full = whole.column(name)
        place = np.searchsorted(full.steps, column.steps)
        np.testing.assert_array_equal(full.steps[place], column.steps)
        np.testing.assert_array_equal(full.values[place], column.values)


def test_a_damaged_record_costs_that_record_alone(tmp_path: Path) -> None:
    """The rest of an event file and of a W&B file is read on."""
    for format_, log in LARGER.items():
        data = bytearray(log.read_bytes())
        whole, _ = read_run(log)
        data[len(data) // 2] ^= 0xFF
        file = tmp_path / log.name
        file.write_bytes(bytes(data))
        part, _ = read_run(file)
        lost = sum(map(len, whole.columns.values())) - sum(map(len, part.columns.values()))
        assert 0 <= lost <= 8, format_


def test_a_damaged_length_in_an_event_file(tmp_path: Path) -> None:
    """Reading goes on at the next head, also after a stretch of zeros."""
    data = SMALL["tensorboard"].read_bytes()
    whole, _ = read_run(SMALL["tensorboard"])
    second = 0
    for _ in range(3):  # the file's version, the settings, one value
        (length,) = struct.unpack("<Q", data[second : second + 8])
        second += length + 12 + 4
    file = tmp_path / SMALL["tensorboard"].name
    broken = data[:second] + b"\xff" * 8 + data[second + 8 :]
    file.write_bytes(broken[: len(broken) // 2] + b"\0" * 100_000 + broken[len(broken) // 2 :])
    part, _ = read_run(file)
    assert 0 < len(part.column("loss")) < len(whole.column("loss"))
    assert set(part.column("loss").values) <= set(whole.column("loss").values)


@settings(deadline=None, max_examples=30, suppress_health_check=SHARED)
@given(share=st.floats(0, 1))
@pytest.mark.parametrize(("format_", "name"), [("mlflow", "mlflow.db"), ("trackio", "tiny.db")])
def test_a_cut_database(format_: str, name: str, tmp_path: Path, share: float) -> None:
    """SQLite says that it is damaged, or the pages that are left hold whole rows."""
    shutil.rmtree(tmp_path / "trainer", ignore_errors=True)
    file = unpacked(format_, "trainer", tmp_path) / name
    whole, _ = read_run(file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    assert_prefix(read_or_sentence(file), whole)


SCHEMAS = {
    "mlflow": "CREATE TABLE runs(a); CREATE TABLE metrics(b); CREATE TABLE params(c)",
    "trackio": "CREATE TABLE metrics(run_name, step)",
    "another": "CREATE TABLE things(a, b)",
    "empty": "",
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_database_of_another_schema(schema: str, tmp_path: Path) -> None:
    """The sentence names the column that is lacking, or says that there is no run."""
    file = tmp_path / "store.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(f"PRAGMA user_version = 1; {SCHEMAS[schema]}")
    connection.close()
    expected = "has no column" if schema in {"mlflow", "trackio"} else "holds no run"
    with pytest.raises(InputError, match=f"store.db: .*{expected}"):
        read_run(file)


def test_strange_values_in_the_tables(tmp_path: Path) -> None:
    """Columns of SQLite hold anything; what is no point is left out."""
    file = unpacked("mlflow", "direct", tmp_path) / "mlflow.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute("UPDATE metrics SET value = 'x' WHERE step = 2")
        connection.execute("UPDATE metrics SET timestamp = 'y' WHERE step = 4")
        connection.execute("UPDATE metrics SET step = 'z' WHERE step = 6")
        connection.execute("UPDATE metrics SET step = 1e300 WHERE step = 8")
    connection.close()
    trace, _ = read_run(file, "sparse")
    assert trace.column("loss").steps.tolist()[:4] == [0, 10, 12, 14]
    file = unpacked("trackio", "direct", tmp_path / "other") / "direct.db"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE metrics SET metrics = '{\"train/loss\": 1' WHERE step = 2")
        connection.execute("UPDATE metrics SET metrics = '[' WHERE step = 4")
        connection.execute("UPDATE metrics SET step = 'z' WHERE step = 6")
        connection.execute("UPDATE metrics SET timestamp = 'then' WHERE step = 8")
    connection.close()
    trace, _ = read_run(file, "sparse")
    assert trace.column("loss").steps.tolist()[:3] == [0, 8, 10]
    assert trace.column("loss").times is None


@pytest.mark.parametrize("text", [b"", b":W&B", b"\0" * 40_000, b"x" * 70_000])
@pytest.mark.parametrize("name", ["run-a.wandb", "events.out.tfevents.1.h", "a.db", "b.parquet"])
def test_junk(name: str, text: bytes, tmp_path: Path) -> None:
    """One sentence for a file that is named like a log and is none."""
    (tmp_path / name).write_bytes(text)
    assert read_or_sentence(tmp_path / name) is None


def test_a_store_that_is_written_meanwhile(tmp_path: Path) -> None:
    """A writer with an open transaction and a write-ahead log: what it committed is read."""
    file = unpacked("trackio", "direct", tmp_path) / "direct.db"
    writer = sqlite3.connect(file, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        row = "INSERT INTO metrics SELECT NULL, run_id, timestamp, run_name, 100, ?, NULL, NULL"
        row += " FROM metrics WHERE run_name = 'odd' LIMIT 1"
        writer.execute(row, ('{"train_loss": 7}',))
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(row.replace("100", "200"), ('{"train_loss": 8}',))
        trace, _ = read_run(file, "odd")
        assert trace.column("loss").steps[-1] == 100
        assert trace.column("loss").values[-1] == 7
    finally:
        writer.close()


def test_a_read_only_folder_with_a_write_ahead_log(tmp_path: Path) -> None:
    """SQLite would want to make a file there; nothing is written."""
    file = unpacked("trackio", "direct", tmp_path) / "direct.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    before = sorted(entry.name for entry in file.parent.iterdir())
    file.parent.chmod(0o555)
    try:
        assert len(find_runs(file.parent)) == 2
        assert sorted(entry.name for entry in file.parent.iterdir()) == before
    finally:
        file.parent.chmod(0o755)


def test_a_locked_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that holds the whole database gets a moment, then there is a sentence."""
    monkeypatch.setattr("tunewell.readers.logs.sqlite.PATIENCE_SECONDS", 0.05)
    file = unpacked("mlflow", "direct", tmp_path) / "mlflow.db"
    writer = sqlite3.connect(file, isolation_level=None)
    try:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="database is locked"):
            read_run(file)
    finally:
        writer.close()


@settings(deadline=None, max_examples=25, suppress_health_check=SHARED)
@given(end=st.integers(0, 400))
def test_a_cut_file_of_metrics(end: int, tmp_path: Path) -> None:
    """MLflow's folder of files: half a line is no point."""
    shutil.rmtree(tmp_path / "files", ignore_errors=True)
    store = unpacked("mlflow", "files", tmp_path)
    whole, _ = read_run(store, "sparse")
    metric = next(file for file in store.rglob("loss") if file.parent.name == "train")
    metric.write_bytes(metric.read_bytes()[:end])
    assert_prefix(read_run(store, "sparse")[0], whole)


def test_files_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened is no run of a folder, and a sentence where it was named."""
    for format_ in ("tensorboard", "wandb", "mlflow", "trackio"):
        unpacked(format_, "direct", tmp_path / format_)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 6

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    for place in (*tmp_path.glob("*/direct"), *files):
        assert read_or_sentence(place) is None
