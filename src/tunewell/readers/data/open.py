"""Open a data file or folder by its suffix, refusing what is no data."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.arrow import is_saved, read_saved, saved_splits, stream_parquet
from tunewell.readers.data.delimited import read_delimited
from tunewell.readers.data.fasttext import is_fasttext, read_fasttext
from tunewell.readers.data.json_lines import read_json_lines, stream_json_lines
from tunewell.readers.data.json_whole import json_splits, read_json
from tunewell.readers.data.table import Table
from tunewell.readers.files import Content, probe
from tunewell.subjects.dataset import BrokenRow

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


class NoRowsError(InputError):
    """A file that is as it should be and holds no row, as jobs with many writers leave some."""


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
        content = Content(path)
        if not b"".join(content) and content.damage is not None:
            raise _lost(path, content.damage)
        message = f"{path}: is empty"
        raise NoRowsError(message)
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
    yield _read_whole(path, suffix, looked.encoding, split)


def _read_whole(path: Path, suffix: str, encoding: str, split: str) -> Table:
    """The rows of a text file that is read in one go."""
    text, damage = _text(path, encoding)
    end = None if damage is None else BrokenRow(text.count("\n") + 1, damage, ends_file=True)
    if damage is not None and suffix != ".json":
        text = text[: text.rfind("\n") + 1]  # the row in which the data ends is none
    if not text or text.isspace():
        if damage is not None:
            raise _lost(path, damage)
        message = f"{path}: holds nothing but white space"
        raise NoRowsError(message)
    if suffix == ".json":
        table = read_json(text, encoding, split=split, place=str(path))
    elif suffix in JSON_LINES:
        table = read_json_lines(text, encoding)
    elif is_fasttext(text):
        table = read_fasttext(text, encoding)
    else:
        table = read_delimited(text, suffix, encoding)
    return table if end is None else dataclasses.replace(table, broken=(*table.broken, end))


def _lost(path: Path, damage: str) -> InputError:
    return InputError(f"{path}: {damage}, before its first row; fetch it again")


def _stream_lines(path: Path, encoding: str) -> Iterator[Table]:
    content = Content(path)
    try:
        yield from stream_json_lines(content, encoding, damage=lambda: content.damage)
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
            return dict.fromkeys(json_splits(_text(path, looked.encoding)[0]), path)
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


def _text(path: Path, encoding: str) -> tuple[str, str | None]:
    """The file's text, and what is wrong with a gzip file."""
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    content = Content(path)
    try:
        data = b"".join(content)
        if content.damage is not None:
            # The last character may be cut in two.
            return codecs.getincrementaldecoder(encoding)(errors).decode(data), content.damage
        return data.decode(encoding, errors), None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: begins like {encoding} but is not valid in it: {error.reason}"
        raise InputError(message) from None
