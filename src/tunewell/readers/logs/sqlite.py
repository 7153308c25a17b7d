"""SQLite databases of other tools: read only, also while they write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tunewell.core.errors import InputError
from tunewell.readers.logs.peek import entries, head

MAGIC = b"SQLite format 3\0"
VERSIONS = 18
"""Where the two bytes lie that tell of a write-ahead log: https://www.sqlite.org/fileformat.html"""

SUFFIXES = (".db", ".sqlite", ".sqlite3")
PATIENCE_SECONDS = 5.0
"""How long to wait for a writer. Trackers hold their locks for milliseconds."""


def databases(path: Path, *folders: str) -> list[Path]:
    """The database at a path, or those in a folder and in those of its folders that are named."""
    if path.is_file():
        return [path] if _is_database(path) else []
    places = [path, *(path / folder for folder in folders)]
    return [
        file
        for place in places
        for file in entries(place)
        if file.suffix in SUFFIXES and file.is_file() and _is_database(file)
    ]


def _is_database(path: Path) -> bool:
    return head(path, len(MAGIC)) == MAGIC


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write.

    Raises:
        InputError: if the database is damaged or locked, here or in what is done with it.
    """
    try:
        with closing(_connect(path)) as connection:
            yield connection
    except (sqlite3.Error, OverflowError) as error:
        message = f"{path}: cannot be read as a database: {error}"
        raise InputError(message) from None


def _connect(path: Path) -> sqlite3.Connection:
    place = f"file:{quote(str(path.resolve()))}?mode=ro"
    if _ahead(path) and not path.with_name(f"{path.name}-wal").exists():
        # Nobody has it open. A reader of such a database would leave files beside it.
        place += "&immutable=1"
    connection = sqlite3.connect(place, uri=True, timeout=PATIENCE_SECONDS)
    connection.text_factory = _text
    return connection


def _ahead(path: Path) -> bool:
    """Whether a database keeps a write-ahead log."""
    return head(path, VERSIONS + 2)[VERSIONS:] == b"\2\2"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def tables(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """The columns of each table."""
    names = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    return {
        name: {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
        for name in names
        if '"' not in name
    }
