"""A split that lies in several files."""

import gzip
import json
from pathlib import Path

import pytest

from tunewell.core.finding import DropRows, Finding, Fix, Safety, SetText
from tunewell.fixes.edits import edit_dataset
from tunewell.fixes.files import apply_fixes
from tunewell.readers.data import read_dataset
from tunewell.readers.data.shards import shard_stem, shards_of
from tunewell.readers.recognise import recognise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"),
        ("part-0.jsonl", "part-1.jsonl"),
        ("rows_001.csv", "rows_014.csv"),
        ("data.shard3.jsonl.gz", "data.shard12.jsonl.gz"),
    ],
)
def test_files_of_one_split_share_a_stem(one: str, other: str) -> None:
    assert shard_stem(Path(one)) is not None
    assert shard_stem(Path(one)) == shard_stem(Path(other))
    assert len(shards_of(Path(one), [Path(other)])) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train.csv", "train_old.csv"),
        ("train_v1.csv", "train_v2.csv"),
        ("2023.csv", "2024.csv"),
        ("train-00000-of-00002.parquet", "train-00001-of-00004.parquet"),
        ("train-00000-of-00002.parquet", "test-00001-of-00002.parquet"),
    ],
)
def test_versions_are_no_shards(one: str, other: str) -> None:
    assert shards_of(Path(one), [Path(other)]) == [Path(one)]


def written(folder: Path) -> list[Path]:
    paths: list[Path] = []
    for number in range(3):
        path = folder / f"part-{number:03d}.jsonl.gz"
        rows = [
            json.dumps({"text": f"text {number} {row}", "label": "ab"[row % 2]}) for row in range(4)
        ]
        if number == 1:
            rows[2] = "{broken"
        path.write_bytes(gzip.compress("\n".join(rows).encode()))
        paths.append(path)
    return paths


def test_rows_know_their_file(tmp_path: Path) -> None:
    paths = written(tmp_path)
    split = read_dataset(paths).train
    assert len(split) == 11
    assert split.file(0) == str(paths[0])
    assert split.file(10) == str(paths[2])
    assert [(row.path, row.line) for row in split.broken] == [(paths[1], 3)]
    assert split.take([10, 0]).file(0) == str(paths[2])


def test_unnamed_shards_are_one_training_set(tmp_path: Path) -> None:
    paths = written(tmp_path)
    assert [found.role for found in recognise(paths)] == ["train"] * 3


def test_each_file_is_repaired_by_itself(tmp_path: Path) -> None:
    data = read_dataset(written(tmp_path))
    edits = (
        DropRows(split="train", rows=(0,)),
        SetText(split="train", row=7, old="text 2 0", new="mended"),
    )
    fix = Fix(title="t", safety=Safety.SAFE, edits=edits)
    applied = apply_fixes([Finding(message="m", fixes=(fix,), code="X")], data, unsafe=False)
    assert [path.name for path in applied.files] == [
        "part-000.fixed.jsonl.gz",
        "part-002.fixed.jsonl.gz",
    ]
    first, last = (gzip.decompress(path.read_bytes()).decode() for path in applied.files)
    assert "text 0 0" not in first
    assert "text 0 1" in first
    assert json.loads(last.splitlines()[0])["text"] == "mended"
    assert "mended" in list(edit_dataset(data, edits).train.texts)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1 and nothing more", b"version https://git-lfs.github.com/spec/v1\n"]
)
@pytest.mark.parametrize("folder", [True, False])
def test_a_file_among_shards_is_never_left_out(
    tmp_path: Path, content: bytes, folder: bool
) -> None:
    paths = written(tmp_path)
    paths[1].write_bytes(content)
    found = recognise([tmp_path] if folder else paths)
    assert [entry.role for entry in found] == ["train"] * 3
    lost = next(entry for entry in found if entry.path == paths[1])
    assert "a file of the split of part-000.jsonl.gz" in lost.reason
