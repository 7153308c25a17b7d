"""Rows of CSV and JSON Lines files, one after the other, and whether they are those of a log."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.data.names import TEXT_NAMES, fold_name
from tunewell.readers.logs.columns import number
from tunewell.readers.logs.names import STEP_NAMES, step_name
from tunewell.readers.logs.peek import head

CSV = (".csv", ".tsv")
JSON_LINES = (".jsonl", ".ndjson")
SUFFIXES = (*CSV, *JSON_LINES)

MORE_STEP_NAMES = ("global_steps", "steps", "iterations", "train_step", "num_steps", "epoch")
"""Looked for after those that tools write. An epoch counts as the step where nothing else does."""

LOSS = re.compile(r"(^|[/_ .-])(loss|nll|ppl|perplexity|cross_?entropy|reward|rewards)($|[/_ .-])")
"""What a training logs and a table of data does not hold beside a rising step."""

HEAD_ROWS = 64
HEAD_BYTES = 256 * 1024
LONGEST_WORD = 64
"""A value of a log is a number or a short word; a longer text is data."""

Row = Mapping[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file as mappings. A half-written last row and what is no row are left out.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        yield from _csv(path) if path.suffix in CSV else _json_lines(path)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None


def _csv(path: Path) -> Iterator[Row]:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = (line.replace("\0", "") for line in file if line.endswith(("\n", "\r")))
        try:
            rows = csv.reader(lines, delimiter=delimiter)
            header = next(rows, [])
            for cells in rows:
                if cells == header:
                    continue  # pandas in append mode writes it again
                if len(cells) == len(header):
                    yield dict(zip(header, cells, strict=True))
        except csv.Error:
            return  # a field longer than the module takes: no row of a log


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # half a line, where a run was killed
            if isinstance(row, dict):
                yield row


def step_column(names: Sequence[str]) -> str | None:
    """Which column counts steps."""
    known = step_name(names)
    if known is not None:
        return known
    folded = {name.strip().lower(): name for name in reversed(names)}
    wanted = (*STEP_NAMES, *MORE_STEP_NAMES)
    return next((folded[name] for name in wanted if name in folded), None)


def log_head(path: Path) -> list[Row]:
    """The first rows of a file that is a log of a training; nothing of any other file.

    Demanded are a column of steps that rises, one named like a loss that holds numbers, and that
    nothing in it is a text: data that somebody trains on is never taken for a log.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        return []
    try:
        if not _is_lines(path):
            return []
        rows = list(islice(read_rows(path), HEAD_ROWS))
    except InputError:
        return []
    names = list(dict.fromkeys(name for row in rows for name in row))
    step = step_column(names)
    if step is None or any(fold_name(str(name)) in TEXT_NAMES for name in names):
        return []
    steps = [taken for row in rows if (taken := number(row.get(step))) is not None]
    if len(steps) < 2 or not _rises(steps):  # noqa: PLR2004
        return []
    lossy = [name for name in names if LOSS.search(str(name).lower())]
    told = any(number(row.get(name)) is not None for row in rows for name in lossy)
    return (
        rows if told and not any(_is_text(value) for row in rows for value in row.values()) else []
    )


def _is_lines(path: Path) -> bool:
    """Whether the file starts with lines that are not endless: a guard before they are read."""
    first = head(path, HEAD_BYTES)
    return b"\n" in first and b"\0" not in first[:4096]


def _rises(steps: Sequence[float]) -> bool:
    """Whether steps go up, but for places where a run was taken up or began again."""
    back = sum(later < earlier for earlier, later in pairwise(steps))
    on = sum(later > earlier for earlier, later in pairwise(steps))
    plain = all(step >= 0 and step == int(step) for step in steps if step == step)  # noqa: PLR0124
    return on > 0 and 3 * back <= on and (plain or back == 0)


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_WORD
    return isinstance(value, list) and any(isinstance(one, str | dict) for one in value)
