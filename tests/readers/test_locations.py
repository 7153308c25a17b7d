"""What a user may write for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunewell.core.errors import InputError
from tunewell.readers.locations import _as_expression, locate, locate_all, locate_one
from tunewell.subjects.remote import RemotePath


def test_a_pattern_is_files_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "d.csv").touch()
    assert [p.name for p in locate(f"{tmp_path}/*.csv")] == ["a.csv", "b.csv"]
    assert [p.name for p in locate("*.csv", tmp_path)] == ["a.csv", "b.csv"]
    assert [p.name for p in locate(f"{tmp_path}/**/*.csv")] == ["a.csv", "b.csv", "d.csv"]
    assert len(locate_all([f"{tmp_path}/*.csv", tmp_path / "a.csv"])) == 2


def test_a_name_that_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "train[1].csv"
    path.touch()
    assert locate(path) == (path,)


def test_the_home_folder_in_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").touch()
    assert locate("~/*.csv") == (tmp_path / "a.csv",)


def test_a_path_need_not_be_there() -> None:
    assert locate("none.csv") == (Path("none.csv"),)
    assert locate_one(None) is None


def test_nothing_fits(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file fits this pattern"):
        locate(f"{tmp_path}/*.csv")


def test_one_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").touch()
    with pytest.raises(InputError, match="2 files fit where one is wanted"):
        locate_one(f"{tmp_path}/*.csv")


@pytest.mark.parametrize("address", ["https://a.b/c.csv", "hf://datasets/a/b", "abfs://c/d.csv"])
def test_an_address_that_no_reader_takes(address: str) -> None:
    with pytest.raises(InputError, match="fetch it"):
        locate(address)


@pytest.mark.parametrize("address", ["s3://", "s3:///key", "gs://"])
def test_an_address_without_a_bucket(address: str) -> None:
    with pytest.raises(InputError, match="names no bucket"):
        locate(address)


def test_a_file_address_is_a_path() -> None:
    assert locate("file:///a/b.csv") == (Path("/a/b.csv"),)


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("b/*.csv", "b/a.csv", "b/c/a.csv"),
        ("b/**/*.csv", "b/c/d/a.csv", "b/a.txt"),
        ("b/**/*.csv", "b/a.csv", "c/a.csv"),
        ("b/part-?.csv", "b/part-1.csv", "b/part-12.csv"),
        ("b/part-[0-3].csv", "b/part-2.csv", "b/part-4.csv"),
        ("b/part-[!0].csv", "b/part-2.csv", "b/part-0.csv"),
        ("b/a+b(*).csv", "b/a+b(1).csv", "b/aab1.csv"),
    ],
)
def test_patterns_of_a_store(pattern: str, fits: str, does_not: str) -> None:
    import re

    assert re.fullmatch(_as_expression(pattern), fits)
    assert not re.fullmatch(_as_expression(pattern), does_not)


def test_an_address_keeps_its_slashes() -> None:
    path = RemotePath("s3://bucket/folder/train.jsonl.gz")
    assert str(path) == "s3://bucket/folder/train.jsonl.gz"
    assert str(path.with_suffix("")) == "s3://bucket/folder/train.jsonl"
    assert str(path.parent) == "s3://bucket/folder"
    assert (path.bucket, path.key) == ("bucket", "bucket/folder/train.jsonl.gz")
    assert str(RemotePath(Path("gs://bucket/a.csv"))) == "gs://bucket/a.csv"
