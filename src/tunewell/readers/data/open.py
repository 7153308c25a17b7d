"""Open a data file or folder by its suffix, refusing what is no data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.arrow import is_saved, read_saved, saved_splits, stream_parquet
from tunewell.readers.data.delimited import read_delimited
from tunewell.readers.data.json_lines import read_json_lines, stream_json_lines
from tunewell.readers.data.json_whole import json_splits, read_json
from tunewell.readers.data.table import Table
from tunewell.readers.files import chunks, probe

DELIMITED = (".csv", ".tsv", ".txt")
JSON_LINES = (".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITED, ".json", *JSON_LINES, *PARQUET)
WHOLE_BYTES = 8 * 2**20
"""A JSON Lines file up to this size is read in one go."""

WHAT_TO_DO = {
    "Git LFS pointer": "fetch the content with: git lfs pull",
    "git-annex pointer": "fetch the content with: git annex get",
    "git-annex link without its content": "fetch the content with: git annex get",
    "HTML page": "download the raw file instead of the page that shows it",
    "gzip archive": "name it .gz or unpack it",
    "Parquet file": "name it .parquet",
    "zip archive": "unpack it first",
}


def open_tables(path: Path, split: str) -> Iterator[Table]:
    """The rows of a file or a saved data set in file order; of several splits, those of `split`.

    JSON Lines and Parquet come in several tables, so that a large file is never in memory as a
    whole; every other format comes in one.

    Raises:
        InputError: if it is not there or is no data.
    """
    if path.is_dir():
        yield _open_folder(path, split)
        return
    looked = probe(path)
    if looked.disguise is not None:
        hint = WHAT_TO_DO.get(looked.disguise, "pass the data itself")
        message = f"{path}: is not data but a {looked.disguise}; {hint}"
        raise InputError(message)
    if not looked.head:
        message = f"{path}: is empty"
        raise InputError(message)
    suffix = data_suffix(path)
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        message = f"{path}: {suffix or 'no suffix'} is no known data format; known: {known}"
        raise InputError(message)
    if suffix in PARQUET:
        yield from stream_parquet(path)
        return
    if suffix in JSON_LINES and looked.size_bytes > WHOLE_BYTES:
        yield from _stream_lines(path, looked.encoding)
        return
    text = _text(path, looked.encoding)
    if not text or text.isspace():
        message = f"{path}: holds nothing but white space"
        raise InputError(message)
    if suffix == ".json":
        yield read_json(text, looked.encoding, split=split, place=str(path))
    elif suffix in JSON_LINES:
        yield read_json_lines(text, looked.encoding)
    else:
        yield read_delimited(text, suffix, looked.encoding)


def _stream_lines(path: Path, encoding: str) -> Iterator[Table]:
    try:
        yield from stream_json_lines(chunks(path), encoding)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: begins like {encoding} but is not valid in it: {error.reason}"
        raise InputError(message) from None


def named_splits(path: Path) -> dict[str, Path]:
    """Where each split is, by Tunewell's names, if the path holds several; else nothing."""
    if path.is_dir() and is_saved(path):
        return saved_splits(path)
    if data_suffix(path) == ".json" and path.is_file():
        looked = probe(path)
        if looked.disguise is None:
            return dict.fromkeys(json_splits(_text(path, looked.encoding)), path)
    return {}


def data_suffix(path: Path) -> str:
    """The suffix that says the format: that before .gz where the file is compressed."""
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()


def _open_folder(path: Path, split: str) -> Table:
    if not is_saved(path):
        message = (
            f"{path}: is a folder; pass a data file, or a folder that save_to_disk of "
            "Hugging Face datasets wrote"
        )
        raise InputError(message)
    splits = saved_splits(path)
    # A plain saved data set stands for whichever split it was passed as.
    return read_saved(splits.get(split, splits["train"]))


def _text(path: Path, encoding: str) -> str:
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    try:
        return b"".join(chunks(path)).decode(encoding, errors)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: begins like {encoding} but is not valid in it: {error.reason}"
        raise InputError(message) from None
