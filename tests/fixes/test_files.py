"""Repaired copies beside the original, and undo."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tunewell.core.errors import UserError
from tunewell.core.finding import (
    AddRows,
    DropRows,
    Edit,
    Finding,
    Fix,
    JoinTurns,
    MoveRows,
    Safety,
    SetLabel,
    SetText,
)
from tunewell.fixes.edits import edit_dataset
from tunewell.fixes.files import apply_fixes, write_split
from tunewell.fixes.undo import RECORD, undo
from tunewell.readers.data import read_dataset, read_split

CSV = 'id,text,label\r\n1,"hi, you",a\r\n2,"two\nlines",b\r\nbroken\r\n3, x ,a\r\n4,last,b'


def finding(*edits: Edit, safety: Safety = Safety.UNSAFE) -> Finding:
    fix = Fix(title="mend", safety=safety, edits=edits)
    return Finding(message="found", code="DAT999", name="test", fixes=(fix,))


DROP = finding(DropRows(split="train", rows=(1,)))


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_bytes(CSV.encode())
    return path


def test_untouched_rows_keep_their_bytes(train: Path) -> None:
    applied = apply_fixes([DROP], read_dataset(train), unsafe=True)
    fixed = train.with_name("train.fixed.csv")
    assert applied.files == (fixed,)
    assert fixed.read_bytes() == CSV.replace('2,"two\nlines",b\r\n', "").encode()
    assert train.read_bytes() == CSV.encode()
    diff = train.with_name("train.fixed.diff").read_text()
    assert diff == (
        '--- train.csv\n+++ train.fixed.csv\n@@ line 3: DAT999 test @@\n-2,"two\n-lines",b\n'
    )


def test_changed_rows_are_quoted_as_needed(train: Path) -> None:
    edits = (
        SetText(split="train", row=0, old="hi, you", new='say "hi"'),
        SetLabel(split="train", rows=(0, 3), old="a", new="c"),
    )
    apply_fixes([finding(*edits)], read_dataset(train), unsafe=True)
    fixed = read_split(train.with_name("train.fixed.csv"), name="train")
    assert list(fixed.texts) == ['say "hi"', "two\nlines", " x ", "last"]
    assert list(fixed.labels) == ["c", "b", "a", "c"]


def test_unsafe_and_manual_fixes_wait_to_be_asked_for(train: Path) -> None:
    manual = finding(DropRows(split="train", rows=(1,)), safety=Safety.MANUAL)
    assert apply_fixes([DROP], read_dataset(train), unsafe=False).files == ()
    assert apply_fixes([manual], read_dataset(train), unsafe=True).files == ()


def test_undo_leaves_the_folder_as_it_was(train: Path) -> None:
    before = sorted(train.parent.rglob("*"))
    apply_fixes([DROP], read_dataset(train), unsafe=True)
    apply_fixes([DROP], read_dataset(train), unsafe=True)
    assert len(undo(train.parent)) == 2
    assert sorted(train.parent.rglob("*")) == before
    with pytest.raises(UserError, match="nothing to undo"):
        undo(train.parent)


def test_undo_leaves_what_the_user_changed(train: Path) -> None:
    apply_fixes([DROP], read_dataset(train), unsafe=True)
    fixed = train.with_name("train.fixed.csv")
    fixed.write_text("mine")
    assert fixed not in undo(train.parent)
    assert fixed.read_text() == "mine"
    assert (train.parent / RECORD).is_file()


def test_a_file_of_the_user_is_never_overwritten(train: Path) -> None:
    fixed = train.with_name("train.fixed.csv")
    fixed.write_text("mine")
    with pytest.raises(UserError, match="was not written by Tunewell"):
        apply_fixes([DROP], read_dataset(train), unsafe=True)
    assert fixed.read_text() == "mine"


def test_a_full_disk_loses_nothing(train: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = train.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(UserError, match="No space left on device"):
            apply_fixes([DROP], read_dataset(train), unsafe=True)
    assert train.read_bytes() == before
    assert [entry.name for entry in train.parent.iterdir() if entry.is_file()] == ["train.csv"]


RECORDS = [{"id": n, "text": f"t{n}", "label": n % 2} for n in range(4)]


def as_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(RECORDS), path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.jsonl": lambda p: p.write_text("".join(json.dumps(r) + "\n" for r in RECORDS)),
    "a.jsonl.gz": lambda p: p.write_bytes(
        gzip.compress("".join(json.dumps(r) + "\n" for r in RECORDS).encode())
    ),
    "a.json": lambda p: p.write_text(json.dumps(RECORDS, indent=2)),
    "data.json": lambda p: p.write_text(json.dumps({"data": RECORDS})),
    "columns.json": lambda p: p.write_text(
        json.dumps({name: [r[name] for r in RECORDS] for name in RECORDS[0]})
    ),
    "splits.json": lambda p: p.write_text(json.dumps({"train": RECORDS, "test": RECORDS})),
    "a.parquet": as_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_repaired_and_reads_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    dataset = read_dataset(path)
    edits = (
        DropRows(split="train", rows=(0,)),
        SetLabel(split="train", rows=(1,), old="1", new="0"),
    )
    (fixed,) = apply_fixes([finding(*edits)], dataset, unsafe=True).files
    expected = edit_dataset(dataset, edits).train
    back = read_split(fixed, name="train")
    assert list(back.texts) == list(expected.texts)
    assert list(back.labels) == list(expected.labels)
    assert fixed.name.startswith(name.partition(".")[0])


def test_write_split_keeps_the_rows_that_are_left(train: Path, tmp_path: Path) -> None:
    original = read_dataset(train)
    edited = edit_dataset(original, [DropRows(split="train", rows=(0, 3))])
    target = write_split(edited.train, original.train, tmp_path / "out")
    back = read_split(target, name="train", label_required=False)
    assert target == tmp_path / "out" / "train.csv"
    assert list(back.texts) == ["two\nlines", " x "]
    assert "id" in back.source.columns


ROW_EDITS: tuple[Edit, ...] = (
    DropRows(split="train", rows=(0,)),
    SetText(split="train", row=1, old="t1", new="one"),
    SetLabel(split="train", rows=(3,), old="1", new="0"),
    AddRows(split="train", of=(0, 1, 3), texts=("never", "again", "three, or 3")),
)


@pytest.mark.parametrize("name", WRITERS)
def test_every_edit_of_rows_reads_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    dataset = read_dataset(path)
    expected = edit_dataset(dataset, ROW_EDITS).train
    assert list(expected.texts) == ["one", "t2", "t3", "again", "three, or 3"]
    (fixed,) = apply_fixes([finding(*ROW_EDITS)], dataset, unsafe=True).files
    tuned = write_split(expected, dataset.train, tmp_path / "out")
    for written in (fixed, tuned):
        back = read_split(written, name="train")
        assert list(back.texts) == list(expected.texts)
        assert list(back.labels) == list(expected.labels)
        assert list(back.extra.get("id", [])) == list(expected.extra.get("id", []))


def test_moved_rows_change_files(tmp_path: Path) -> None:
    train, judged = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,label,group\na,x,1\nb,y,2\nc,x,3\n")
    judged.write_text("text,label,group\nd,x,4\ne,y,5")
    dataset = read_dataset(train, test=judged)
    edits: tuple[Edit, ...] = (
        MoveRows(split="train", rows=(1,), to="test"),
        MoveRows(split="test", rows=(0,), to="train"),
    )
    expected = edit_dataset(dataset, edits)
    files = apply_fixes([finding(*edits)], dataset, unsafe=True).files
    assert files[0].read_text() == "text,label,group\na,x,1\nc,x,3\nd,x,4\n"
    assert files[1].read_text() == "text,label,group\ne,y,5\nb,y,2\n"
    assert expected.test is not None
    assert list(expected.train.texts) == ["a", "c", "d"]
    assert list(expected.test.texts) == ["e", "b"]
    assert expected.test.file(1) == str(train)
    assert "+d,x,4" in files[0].with_name("train.fixed.diff").read_text()
    undo(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["test.csv", "train.csv"]


def test_turns_are_joined_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    asks = [{"role": "user", "content": "a"}, {"role": "user", "content": "b", "id": 7}]
    record = {"messages": [{"role": "system", "content": "s"}, *asks], "id": 1}
    kept = '{"messages": [{"role": "user", "content": "c"}],  "id": 2}'
    path.write_text(json.dumps(record) + "\n" + kept + "\n")
    edits = (
        SetText(split="train", row=0, old="b", new="B", part=2),
        JoinTurns(split="train", row=0, parts=(0, 1, 2)),
    )
    dataset = read_dataset(path)
    (file,) = apply_fixes([finding(*edits)], dataset, unsafe=True).files
    first, second = file.read_text().splitlines()
    assert json.loads(first) == {
        "messages": [{"role": "user", "content": "s\n\na\n\nB", "id": 7}],
        "id": 1,
    }
    assert second == kept
    edited = edit_dataset(dataset, edits).train
    assert list(edited.texts) == list(read_dataset(file).train.texts)
    assert edited.parts is not None
    assert edited.parts.start.tolist() == [0, 1, 2]
