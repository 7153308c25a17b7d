"""Files of which a part can be read: the rest is told, and nothing is lost without a word."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path

import pytest

from tunewell.checks.data.broken_rows import broken_rows
from tunewell.core.finding import DropRows, Finding, Fix, Safety, Severity
from tunewell.core.gzipped import CUT_SHORT, DAMAGED, WRONG_SUM, Unpacked, unpack
from tunewell.fixes.files import apply_fixes
from tunewell.readers.data import open as opening
from tunewell.readers.data import read_dataset, read_split
from tunewell.readers.files import probe
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.testing import run_check

WORDS = ["card", "bank", "money", "transfer", "fee", "pending", "refund", "charge", "cash", "limit"]
draw = random.Random(0)  # noqa: S311  not a secret
ROWS = [
    {"text": " ".join(draw.choices(WORDS, k=8)) + f" {row}", "label": "ab"[row % 2]}
    for row in range(4000)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
TABLE = ("text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in ROWS)).encode()


def read(folder: Path, name: str, data: bytes) -> Split:
    path = folder / name
    path.write_bytes(data)
    return read_split(path, name="train")


def texts(split: Split) -> list[str]:
    return list(split.texts)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
@pytest.mark.parametrize(("name", "data"), [("a.jsonl.gz", LINES), ("a.csv.gz", TABLE)])
@pytest.mark.parametrize("whole", [0, 8 * 2**20])
def test_a_gzip_file_that_is_cut_short(
    tmp_path: Path,
    share: float,
    name: str,
    data: bytes,
    whole: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "WHOLE_BYTES", whole)
    packed = gzip.compress(data)
    split = read(tmp_path, name, packed[: int(len(packed) * share)])
    assert len(split) > 0.9 * share * len(ROWS) - 200
    assert texts(split) == [row["text"] for row in ROWS[: len(split)]]
    last = split.broken[-1]
    assert (last.problem, last.ends_file) == (CUT_SHORT, True)
    assert len(split.broken) == 1
    assert last.line == split.lines[-1] + 1
    assert probe(tmp_path / name).bad_bytes == 0


def test_a_gzip_file_that_lacks_its_last_bytes_holds_every_row(tmp_path: Path) -> None:
    split = read(tmp_path, "a.csv.gz", gzip.compress(TABLE)[:-4])
    assert len(split) == len(ROWS)
    assert split.broken[-1].problem == CUT_SHORT


def test_a_gzip_file_with_a_flipped_bit(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(LINES))
    packed[len(packed) // 2] ^= 0x10
    split = read(tmp_path, "a.jsonl.gz", bytes(packed))
    assert split.broken[-1].problem in {DAMAGED, WRONG_SUM}
    assert 0.4 * len(ROWS) < len(split) <= len(ROWS)


def test_a_wrong_checksum(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(LINES))
    packed[-6] ^= 1
    split = read(tmp_path, "a.jsonl.gz", bytes(packed))
    assert len(split) == len(ROWS)
    assert split.broken[-1].problem == WRONG_SUM


@pytest.mark.parametrize("end", [b"", b"\0" * 512])
def test_members_one_after_the_other(end: bytes) -> None:
    packed = gzip.compress(LINES[:1000]) + gzip.compress(LINES[1000:]) + end
    unpacked = Unpacked(io.BytesIO(packed))
    assert b"".join(unpacked) == LINES
    assert unpacked.damage is None


def test_something_after_the_end() -> None:
    unpacked = Unpacked(io.BytesIO(gzip.compress(LINES) + b"more"))
    assert b"".join(unpacked) == LINES
    assert unpacked.damage == DAMAGED
    assert unpack(gzip.compress(b"")) == b""


def test_a_cut_file_is_an_error_and_can_be_repaired_up_to_there(tmp_path: Path) -> None:
    for name, data in (("a.jsonl.gz", LINES), ("b.csv.gz", TABLE)):
        packed = gzip.compress(data)
        dataset = Dataset(train=read(tmp_path, name, packed[: len(packed) // 2]))
        (finding,) = run_check(broken_rows, (dataset,)).findings
        assert finding.severity is Severity.ERROR
        fix = Fix(title="drop", safety=Safety.SAFE, edits=(DropRows(split="train", rows=(1,)),))
        wanted = Finding(message="m", fixes=(fix,))
        (file,) = apply_fixes([wanted], dataset, unsafe=False).files
        kept = gzip.decompress(file.read_bytes())
        assert ROWS[1]["text"].encode() not in kept
        assert ROWS[len(dataset.train) - 1]["text"].encode() in kept


MIXED = ["text,label"] + [f"naïve café number {i},a\nplain number {i},b" for i in range(30)]


def test_rows_of_another_encoding_are_read_and_told(tmp_path: Path) -> None:
    data = "\n".join(MIXED).encode() + "\nit costs £5 so “what”,a\n".encode("cp1252")
    split = read(tmp_path, "a.csv", data)
    assert split.texts[-1] == "it costs £5 so “what”"
    assert not split.broken
    looked = probe(tmp_path / "a.csv")
    assert (looked.bad_bytes, looked.bad_line) == (3, 62)
    rows = [*ROWS[:5], {"text": "naïve", "label": "a"}, {"text": "ïïïïï", "label": "a"}]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    lines += '{"text": "£5 café", "label": "b"}\n'.encode("cp1252")
    assert read(tmp_path, "a.jsonl", lines).texts[-1] == "£5 café"


@pytest.mark.parametrize("row", [b"caf\xff,a\n", b"caf\x81,a\n", "é".encode() + b"caf\xe9,a\n"])
def test_a_row_of_no_encoding_is_broken(tmp_path: Path, row: bytes) -> None:
    split = read(tmp_path, "a.csv", "\n".join(MIXED).encode() + b"\n" + row)
    assert split.broken[0].problem == "holds bytes that are not valid UTF-8"


def test_bars_cut_a_file_into_columns(tmp_path: Path) -> None:
    rows = "".join(f"message {i}, about cards|{'ab'[i % 2]}\n" for i in range(20))
    for name in ("a.csv", "a.txt"):
        split = read(tmp_path, name, f"text|label\n{rows}".encode())
        assert split.source.delimiter == "|"
        assert split.texts[3] == "message 3, about cards"
        assert split.labels[3] == "b"


def test_bars_in_a_text_cut_nothing(tmp_path: Path) -> None:
    rows = "".join(f"a | b | c {i},{'ab'[i % 2]}\n" for i in range(20))
    split = read(tmp_path, "a.csv", f"text,label\n{rows}".encode())
    assert split.texts[0] == "a | b | c 0"


def test_fasttext(tmp_path: Path) -> None:
    rows = "".join(f"__label__{'ab'[i % 2]} message, number {i}\n" for i in range(20))
    split = read(tmp_path, "train.txt", (rows + "no label\n").encode())
    assert (split.kind, split.source.format) == (Kind.CLASSIFICATION, "fasttext")
    assert split.texts[1] == "message, number 1"
    assert set(split.labels) == {"a", "b"}
    assert (split.broken[0].line, split.broken[0].problem[:7]) == (21, "is not ")


def test_fasttext_with_several_labels(tmp_path: Path) -> None:
    rows = "".join(f"__label__a __label__{'bc'[i % 2]} message number {i}\n" for i in range(20))
    rows += "__label__a only one\n"
    split = read(tmp_path, "train.txt", rows.encode())
    assert split.kind is Kind.MULTI_LABEL
    assert split.label_sets is not None
    assert split.label_sets[0] == ("a", "b")


def shards(folder: Path) -> list[Path]:
    paths = [folder / f"part-{at}.csv" for at in range(3)]
    for path, label in zip(paths, "abc", strict=True):
        path.write_text("text,label\n" + "".join(f"{label} number {i},{label}\n" for i in range(9)))
    return paths


def test_a_file_of_several_may_hold_one_class(tmp_path: Path) -> None:
    assert len(read_dataset(shards(tmp_path)).train) == 27


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n"])
@pytest.mark.parametrize("which", [0, 1])
def test_an_empty_file_of_several(tmp_path: Path, content: str, which: int) -> None:
    paths = shards(tmp_path)
    paths[which].write_text(content)
    train = read_dataset(paths).train
    assert (len(train), len(train.broken)) == (18, 0)
    assert "1 file of 3 without rows" in train.source.reason


@pytest.mark.parametrize("which", [0, 2])
def test_a_damaged_file_of_several_is_an_error(tmp_path: Path, which: int) -> None:
    paths = shards(tmp_path)
    paths[which] = paths[which].with_suffix(".parquet")
    paths[which].write_bytes(b"PAR1 and nothing more")
    dataset = read_dataset(paths)
    assert len(dataset.train) == 18
    assert dataset.train.broken[0].path == paths[which]
    (finding,) = run_check(broken_rows, (dataset,)).findings
    assert finding.severity is Severity.ERROR
