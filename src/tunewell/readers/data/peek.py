"""Column names of a data file, from its first bytes alone."""

from __future__ import annotations

import re
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.data.arrow import parquet_columns
from tunewell.readers.data.delimited import read_delimited
from tunewell.readers.data.fasttext import is_fasttext
from tunewell.readers.data.json_lines import read_json_lines
from tunewell.readers.data.open import DELIMITED, JSON_LINES, PARQUET, data_suffix


def peek_columns(path: Path, head: str) -> tuple[str, ...]:
    """Names of a data file's columns from its first bytes; empty where they do not show."""
    suffix = data_suffix(path)
    try:
        if suffix in PARQUET:
            return tuple(parquet_columns(path))
        # The last line of a head may be cut in two.
        whole = head.rpartition("\n")[0] or head
        if suffix in DELIMITED and is_fasttext(whole):
            return ("label", "text")
        if suffix in DELIMITED:
            table = read_delimited(whole, suffix, "utf-8")
            return tuple(table.columns) if len(table.columns) > 1 else ()
        if suffix in JSON_LINES:
            return tuple(read_json_lines(whole, "utf-8").columns)
    except InputError:
        return ()
    first = re.search(r"\{[^{}]*\}", head)
    return tuple(dict.fromkeys(re.findall(r'"(\w+)"\s*:', first[0]))) if first else ()
