"""Whatever a user passes, the answer is one clear sentence and exit status 2."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Run

GOOD = "text,label\n" + "".join(
    f"message number {i} about {'cards' if i % 2 else 'top ups'},{'card' if i % 2 else 'top_up'}\n"
    for i in range(40)
)


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "an empty file": ("a.csv", "", "empty"),
    "only a header": ("a.csv", "text,label\n", "no rows"),
    "one column": ("a.csv", "text\n" + "hello there\n" * 5, "column"),
    "one class": ("a.csv", "text,label\nhello,a\nthere,a\nyou,a\n", "class"),
    "no label at all": ("a.csv", "text,label\nhello,\nthere,NaN\nyou,\n", "label"),
    "binary junk": ("a.csv", random.Random(0).randbytes(4096), "binary"),  # noqa: S311  not a secret
    "one line of 10 MB": ("a.csv", "text,label\n" + "x" * 10_000_000 + ",a\n", "row"),
    "JSON that is no rows": ("a.json", "3", "rows"),
    "JSON lines that are none": ("a.jsonl", "hello\nthere\n", "JSON"),
    "a parquet that is none": ("a.parquet", "PAR1 not really", "Parquet"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["check", "tune", "train", "plan"])
def test_bad_data(tunewell: Run, tmp_path: Path, name: str, command: str) -> None:
    file, data, part = BAD[name]
    path = write(tmp_path / file, data)
    more = ("--model", tmp_path) if command != "plan" else ()
    one_sentence(tunewell(command, path, *more), part=part, names=path.name)


@pytest.mark.parametrize("command", ["check", "tune", "train", "diagnose", "errors", "plan"])
def test_a_missing_file(tunewell: Run, tmp_path: Path, command: str) -> None:
    one_sentence(tunewell(command, tmp_path / "none.csv"), part="no such file", names="none.csv")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({}, "config.json"),
        ({"config.json": "{"}, "config.json"),
        ({"config.json": "[]"}, "config.json"),
    ],
)
def test_an_unreadable_model_folder(
    tunewell: Run, tmp_path: Path, content: dict[str, str], part: str
) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    model = tmp_path / "model"
    model.mkdir()
    for name, text in content.items():
        write(model / name, text)
    for command in ("check", "tune", "train"):
        one_sentence(tunewell(command, data, "--model", model), part=part, names="model")


def test_a_model_that_is_not_there(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    ended = tunewell("train", data, "--model", "no/such-model")
    one_sentence(ended, part="--hub", names="no/such-model")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_an_evaluation_label_that_was_never_trained(
    tunewell: Run, tmp_path: Path, command: str, minilm: Path
) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    judged = write(tmp_path / "eval.csv", "text,label\nhello,card\nwhere is it,loan\n")
    ended = tunewell(command, data, "--eval", judged, "--model", minilm)
    one_sentence(ended, part="never", names="loan")


def test_labels_missing_in_some_rows(tunewell: Run, tmp_path: Path, minilm: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD + "what is this,\n" + "and that,nan\n")
    one_sentence(tunewell("train", data, "--model", minilm), part="label", names="train.csv")


def test_an_unknown_setting(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    write(tmp_path / "tunewell.toml", "[recipe]\nlearnig_rate = 1e-5\n")
    one_sentence(tunewell("check", data), part="learning_rate", names="learnig_rate")


def test_a_file_that_may_not_be_read(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    data.chmod(0)
    if os.access(data, os.R_OK):
        pytest.skip("this user may read everything")
    one_sentence(tunewell("check", data), part="permission", names="train.csv")


def test_a_report_that_cannot_be_written(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    ended = tunewell("check", data, "--output", tmp_path / "train.csv" / "report.html")
    one_sentence(ended, part="report.html", names="train.csv")
    assert data.read_text(encoding="utf-8") == GOOD


def test_a_full_disk(tunewell: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")

    def full(*_: object, **__: object) -> Callable[..., object]:
        raise OSError(28, "No space left on device", str(tmp_path / "report.html"))

    monkeypatch.setattr("tempfile.mkstemp", full)
    ended = tunewell("check", data, "--output", tmp_path / "report.html")
    one_sentence(ended, part="space", names="report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_full_disk_that_a_library_tells(
    tunewell: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "train.csv", GOOD)

    def full(*_: object, **__: object) -> Callable[..., object]:
        message = "Error while serializing: I/O error: No space left on device (os error 28)"
        raise RuntimeError(message)

    monkeypatch.setattr("tunewell.api.check.check", full)
    one_sentence(tunewell("check", data), part="the disk is full", names="disk")


@pytest.mark.parametrize("option", ["--train", "--eval", "--benchmark", "--probabilities"])
def test_a_pattern_that_nothing_fits(tunewell: Run, tmp_path: Path, option: str) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    ended = tunewell("check", data, option, tmp_path / "none-*.csv")
    one_sentence(ended, part="no file fits", names="none-*.csv")


@pytest.mark.parametrize("address", ["https://a.b/train.csv", "hf://datasets/a/b/train.csv"])
def test_an_address_that_is_not_read(tunewell: Run, address: str) -> None:
    one_sentence(tunewell("check", address), part="fetch it", names=address)


def test_a_gzip_file_cut_before_its_first_row(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv.gz", gzip.compress(GOOD.encode())[:15])
    one_sentence(tunewell("check", data), part="cut short", names="train.csv.gz")


def test_a_gzip_file_cut_in_the_middle_fails_and_says_where(tunewell: Run, tmp_path: Path) -> None:
    packed = gzip.compress(GOOD.encode())
    ended = tunewell("check", write(tmp_path / "train.csv.gz", packed[: 9 * len(packed) // 10]))
    assert ended.status == 1
    assert "the gzip file is cut short here" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("content", "part"), [(b"", "NumPy"), (b"text", "NumPy"), (b"PK\x03\x04", "NumPy")]
)
def test_probabilities_that_are_none(
    tunewell: Run, tmp_path: Path, content: bytes, part: str
) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    given = write(tmp_path / "oof.npy", content)
    ended = tunewell("check", data, "--probabilities", given)
    one_sentence(ended, part=part, names="oof.npy")


def test_probabilities_without_data(tunewell: Run, tmp_path: Path) -> None:
    given = write(tmp_path / "oof.npy", b"")
    run = tmp_path / "empty"
    run.mkdir()
    write(run / "tunewell.toml", "")
    one_sentence(
        tunewell("check", run, "--probabilities", given), part="training data", names="oof.npy"
    )


def test_files_of_one_split_with_other_columns(tunewell: Run, tmp_path: Path) -> None:
    write(tmp_path / "part-0.csv", GOOD)
    write(tmp_path / "part-1.csv", GOOD.replace("text,label", "sentence,intent", 1))
    ended = tunewell("check", f"{tmp_path}/part-*.csv")
    one_sentence(ended, part="no column 'text'", names="part-1.csv")


def test_a_folder_without_training_data_says_so(tunewell: Run, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        write(tmp_path / name, GOOD)
    ended = tunewell("check", tmp_path)
    said = " ".join(ended.out.split())
    assert ended.status == 3
    assert "one.csv: its name does not say what it is for" in said
    assert "--train FILE" in said


def test_the_keyboard_stops_with_one_sentence(
    tunewell: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tunewell.api.check.check", stopped)
    ended = tunewell("check", write(tmp_path / "train.csv", GOOD))
    assert ended.status == 130
    assert ended.err.strip() == "stopped by the keyboard; what was finished is kept"


def test_an_unknown_check(tunewell: Run, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", GOOD)
    one_sentence(tunewell("check", data, "--select", "DAT999"), part="DAT999", names="DAT999")
    one_sentence(tunewell("explain", "emty-text"), part="empty-text", names="emty-text")


def one_sentence(ended: Ended, *, part: str, names: str) -> None:
    """Exit status 2, one line on stderr that names the place, nothing that looks like a fault."""
    said = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert ended.status == 2, ended
    assert len(said) == 1, ended.err
    assert "Traceback" not in ended.err
    assert part.lower() in said[0].lower()
    assert names in said[0]
    assert len(said[0]) < 500
