"""What a file really is, from its first bytes and one pass over its encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.core.gzipped import Unpacked
from tunewell.readers.encoding import HEAD_BYTES, Encoding, detect
from tunewell.subjects.files import FileProbe

CHUNK_BYTES = 1 << 20
GZIP = b"\x1f\x8b"

PARQUET_SUFFIXES = (".parquet", ".pq")
HTML_SUFFIXES = (".html", ".htm")
PICKLE_SUFFIXES = (".pkl", ".pickle", ".bin", ".pt", ".pth")
MAGIC = (
    (GZIP, "gzip archive", (".gz", ".tgz")),
    (b"PAR1", "Parquet file", PARQUET_SUFFIXES),
    (b"PK\x03\x04", "zip archive", (".zip", ".xlsx", ".docx", ".npz", ".pt", ".pth", ".bin")),
    (b"ARROW1", "Arrow file", (".arrow", ".feather")),
    (b"\xff\xff\xff\xff", "Arrow stream", (".arrow",)),
    (b"SQLite format 3\0", "SQLite database", (".db", ".sqlite", ".sqlite3")),
    (b"%PDF-", "PDF document", (".pdf",)),
    (b"\x89PNG\r\n", "PNG image", (".png",)),
    (b"\xff\xd8\xff", "JPEG image", (".jpg", ".jpeg")),
    (b"\x93NUMPY", "NumPy array", (".npy",)),
    (b"BZh", "bzip2 archive", (".bz2",)),
    (b"\xfd7zXZ\0", "xz archive", (".xz",)),
    (b"\x28\xb5\x2f\xfd", "zstandard archive", (".zst",)),
    (b"\xd0\xcf\x11\xe0", "old Excel or Word file", (".xls", ".doc")),
)
BINARY = "binary file"
"""What bytes are called that nobody can name."""

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".toml", ".log", ".md")
PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|[\]}c(])")
HTML = re.compile(
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
ANNEX = re.compile(rb"(\.\./)*\.git/annex/objects/|/annex/objects/")
LFS = b"version https://git-lfs.github.com/spec/"
LONGEST_POINTER = 512
"""Bytes. Both kinds of pointer are a few short lines."""

CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
MOST_CONTROL = 0.02
"""Share of control bytes above which a head is no text. Text has none; random bytes have 10 %."""


def probe(path: Path) -> FileProbe:
    """Look at one file. A gzip file named .gz is looked at through its compression.

    Raises:
        InputError: if it is not there, is a folder, or cannot be opened.
    """
    if path.is_symlink() and not path.exists():
        return _broken_link(path)
    if path.is_dir():
        message = f"{path}: is a folder where a file is expected"
        raise InputError(message)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if head.startswith(GZIP) and path.suffix == ".gz":
            head = next(chunks(path), b"")[:HEAD_BYTES]
            name = path.with_suffix("").name
        else:
            name = path.name
        disguise = _disguise(name, head)
        encoding = Encoding("utf-8")
        if not disguise and not _is_binary(name):
            content = Content(path)
            encoding = detect(content, cut=lambda: content.damage is not None)
    except FileNotFoundError:
        message = f"{path}: no such file"
        raise InputError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    return FileProbe(
        path=path,
        size_bytes=size,
        head=head,
        disguise=disguise,
        encoding=encoding.name,
        bad_bytes=encoding.bad_bytes,
        bad_line=encoding.bad_line,
    )


def chunks(path: Path) -> Iterator[bytes]:
    """The file's content in pieces, unpacked where it is a .gz file."""
    yield from Content(path)


class Content:
    """A file's content in pieces, unpacked where it is a .gz file.

    Once all pieces have come, `damage` says what is wrong with a gzip file.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is opened before the first piece is asked for."""
        self._path = path
        self.damage: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        """The pieces.

        Raises:
            OSError: if the file cannot be read.
        """
        packed = _is_gzip(self._path)
        with self._path.open("rb") as file:
            if packed:
                unpacked = Unpacked(file)
                yield from unpacked
                self.damage = unpacked.damage
                return
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _is_gzip(path: Path) -> bool:
    if path.suffix != ".gz":
        return False
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _is_binary(name: str) -> bool:
    return Path(name).suffix.lower() in {s for _, _, suffixes in MAGIC for s in suffixes}


def _broken_link(path: Path) -> FileProbe:
    target = str(path.readlink())
    if not ANNEX.search(target.encode()):
        message = f"{path}: is a link to {target}, which is not there"
        raise InputError(message)
    return FileProbe(
        path=path, size_bytes=0, head=target.encode(), disguise="git-annex link without its content"
    )


def _disguise(name: str, head: bytes) -> str | None:
    suffix = Path(name).suffix.lower()
    pointer = _pointer(head)
    if pointer is not None:
        return pointer
    for magic, what, suffixes in MAGIC:
        if head.startswith(magic):
            return None if suffix in suffixes else what
    if PICKLE.match(head):
        return None if suffix in PICKLE_SUFFIXES else "Python pickle"
    if suffix not in HTML_SUFFIXES and HTML.match(head[:4096]):
        return "HTML page"
    if suffix in PARQUET_SUFFIXES and head:
        return "file without the mark that starts a Parquet file"
    return BINARY if suffix in TEXT_SUFFIXES and _is_junk(head) else None


def _pointer(head: bytes) -> str | None:
    if head.startswith(LFS):
        return "Git LFS pointer"
    if len(head) <= LONGEST_POINTER and ANNEX.match(head):
        return "git-annex pointer"
    return None


def _is_junk(head: bytes) -> bool:
    if detect([head]).name.startswith(("utf-16", "utf-32")):
        return False
    control = len(head) - len(head.translate(None, CONTROL))
    return control > MOST_CONTROL * len(head)
