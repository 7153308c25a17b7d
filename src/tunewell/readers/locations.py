"""From what a user wrote to the files that are meant: patterns, and addresses in a store."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.open import SUFFIXES, data_suffix
from tunewell.subjects.remote import REMOTE, SCHEMES, RemotePath

ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://")
MAGIC = re.compile(r"[*?\[]")
MOST_FILES = 10_000
"""Files of one pattern: more tell of a pattern that is too wide."""


def locate(given: str | Path, base: Path | None = None) -> tuple[Path, ...]:
    """The files that a path, a pattern or an address in a store names, in order of their names.

    A path that is there is taken as it is, also where it looks like a pattern. Of a folder in a
    store, the data files in it and below are meant. A local path need not be there.

    Args:
        given: for example `data.csv`, `data/*.parquet`, `s3://bucket/train-*.jsonl.gz`.
        base: the folder that a local path starts from; the working folder where None.

    Raises:
        InputError: if nothing fits a pattern, the store cannot be asked, or no reader takes the
            kind of address.
    """
    text = str(given)
    local = Path(text) if base is None else base / text
    if text.startswith("~/") and not local.exists():
        local = Path(text).expanduser()  # in quotes the shell leaves it as it is
    remote = REMOTE.match(text)
    if remote is not None and not local.exists():
        return _in_store(f"{remote[1]}://{text[remote.end() :]}")
    address = ADDRESS.match(text)
    if address is not None:
        if address[1] == "file":
            return locate(text.removeprefix("file://").removeprefix("localhost"))
        if address[1] in SCHEMES:
            message = f"{text}: names no bucket and no file in it"
            raise InputError(message)
        message = (
            f"{text}: data is not read over {address[1]}; fetch it and pass the file, or "
            "name it in a store (s3:// or gs://)"
        )
        raise InputError(message)
    if not MAGIC.search(text) or local.exists() or local.is_symlink():
        return (local,)
    found = sorted(Path(path) for path in glob.glob(str(local), recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    return tuple(_some(text, found))


def locate_all(given: Iterable[str | Path]) -> tuple[Path, ...]:
    """The files of several paths, patterns and addresses, each once.

    Raises:
        InputError: as `locate`.
    """
    return tuple(dict.fromkeys(path for one in given for path in locate(one)))


def locate_named(given: str | Path | None) -> tuple[Path, ...]:
    """The files that are named; none where nothing is.

    Raises:
        InputError: as `locate`.
    """
    return () if given is None else locate(given)


def locate_one(given: str | Path | None) -> Path | None:
    """The one file that is named; None where nothing is.

    Raises:
        InputError: as `locate`, or if several files fit.
    """
    if given is None:
        return None
    found = locate(given)
    if len(found) != 1:
        message = f"{given}: {len(found):,} files fit where one is wanted; name it"
        raise InputError(message)
    return found[0]


def _in_store(address: str) -> tuple[Path, ...]:
    from pyarrow.fs import FileType  # noqa: PLC0415  0.1 s that local files need not wait for

    path = RemotePath(address)
    if not MAGIC.search(address):
        if path.info().type != FileType.Directory:
            return (path,)
        found = [file for file in _files_in(path) if data_suffix(file) in SUFFIXES]
        if not found:
            known = ", ".join(SUFFIXES)
            message = f"{path}: holds no data file; known: {known}"
            raise InputError(message)
        return tuple(found)
    if MAGIC.search(path.bucket):
        message = f"{path}: the bucket must be named in full"
        raise InputError(message)
    fixed: list[str] = []
    for piece in path.key.split("/"):
        if MAGIC.search(piece):
            break
        fixed.append(piece)
    pattern = re.compile(_as_expression(path.key))
    folder = RemotePath(f"{address.partition('://')[0]}://{'/'.join(fixed)}")
    below = len(fixed) + 1 < len(path.key.split("/")) or "**" in path.name
    found = [p for p in _files_in(folder, below=below) if pattern.fullmatch(p.key)]
    if not found and path.info().is_file:
        return (path,)  # a name that looks like a pattern
    return tuple(_some(address, found))


def _files_in(folder: RemotePath, *, below: bool = True) -> list[RemotePath]:
    """Every file in a folder of a store, and below it where wanted, by name."""
    from pyarrow.fs import FileSelector  # noqa: PLC0415  with the file system

    try:
        infos = folder.store().get_file_info(
            FileSelector(folder.key, recursive=below, allow_not_found=False)
        )
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise folder.said(error) from None
    scheme = str(folder).partition("://")[0]
    files = [info for info in infos if info.is_file]
    return sorted(RemotePath(f"{scheme}://{info.path}").known(info) for info in files)


def _as_expression(pattern: str) -> str:
    """A regular expression of a pattern, in which * and ? stay within a folder and ** does not."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\])", pattern)
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        meant.get(piece)
        or (re.sub(r"^\[!", "[^", piece) if piece.startswith("[") else re.escape(piece))
        for piece in pieces
    )


def _some(pattern: str, found: list[Path] | list[RemotePath]) -> list[Path] | list[RemotePath]:
    if not found:
        message = f"{pattern}: no file fits this pattern"
        raise InputError(message)
    if len(found) > MOST_FILES:
        message = f"{pattern}: {len(found):,} files fit; a call reads at most {MOST_FILES:,}"
        raise InputError(message)
    return found
