"""Files are known by their content."""

import gzip
import pickle
from pathlib import Path

import pytest

from tunewell.core.errors import InputError
from tunewell.readers.files import probe

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
DISGUISES = {
    "train.csv": (LFS, "Git LFS pointer"),
    "annex.csv": (b"/annex/objects/SHA256E-s120--abc.csv\n", "git-annex pointer"),
    "page.csv": (b"\n<!DOCTYPE html>\n<html lang=en><body>404</body></html>", "HTML page"),
    "page.json": (b"<html><head><title>GitHub</title></head></html>", "HTML page"),
    "packed.csv": (gzip.compress(b"text,label\n"), "gzip archive"),
    "zip.jsonl": (b"PK\x03\x04\x14\0\0\0", "zip archive"),
    "table.csv": (b"PAR1\x15\x04", "Parquet file"),
    "rows.json": (pickle.dumps([{"text": "a"}]), "Python pickle"),
    "junk.csv": (bytes(range(256)) * 10, "binary file"),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_disguises_are_named(tmp_path: Path, name: str) -> None:
    content, disguise = DISGUISES[name]
    (tmp_path / name).write_bytes(content)
    assert probe(tmp_path / name).disguise == disguise


HONEST = {
    "train.csv": b"text,label\nsee <html> for more,a\n",
    "train.csv.gz": gzip.compress(b"text,label\nhi,a\n"),
    "train.parquet": b"PAR1\x15\x04",
    "page.html": b"<!DOCTYPE html>",
    "empty.csv": b"",
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_files_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HONEST[name])
    assert probe(tmp_path / name).disguise is None


ENCODINGS = {
    "utf-8": ("hé\n".encode(), 0, None),
    "utf-8-sig": ("hé\n".encode("utf-8-sig"), 0, None),
    "utf-16": ("hé\n".encode("utf-16"), 0, None),
    "utf-16-le": ("hello there\n".encode("utf-16-le"), 0, None),
    "cp1252": ("one\ntwo £5 - “so”\n".encode("cp1252"), 3, 2),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    content, bad, line = ENCODINGS[encoding]
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    found = probe(path)
    assert (found.encoding, found.bad_bytes, found.bad_line) == (encoding, bad, line)


def test_a_letter_cut_by_a_chunk_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x" * ((1 << 20) - 1) + "é\n".encode())
    assert probe(path).bad_bytes == 0


def test_an_annex_link_without_content_is_a_disguise(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.symlink_to("../.git/annex/objects/aa/bb/SHA256E-s1--x.csv")
    assert "git-annex" in (probe(path).disguise or "")


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        probe(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)
