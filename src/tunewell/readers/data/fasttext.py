"""Rows as fastText takes them: `__label__one __label__two the text`."""

from __future__ import annotations

import re

from tunewell.readers.data.table import MOST_ROW_CHARACTERS, Table
from tunewell.readers.encoding import mended
from tunewell.subjects.dataset import BrokenRow

PREFIX = "__label__"
ROW = re.compile(rf"((?:{PREFIX}[^\s,;|]+[ \t]+)+)(\S.*)")
LINES_LOOKED_AT = 50
LEAST = 0.9


def is_fasttext(text: str) -> bool:
    """Whether the first lines begin with labels."""
    if not text.startswith(PREFIX):
        return False
    head = text[: LINES_LOOKED_AT * 10_000].split("\n", LINES_LOOKED_AT)[:LINES_LOOKED_AT]
    filled = [line for line in head if line.strip()]
    return sum(ROW.match(line) is not None for line in filled) >= LEAST * len(filled)


def read_fasttext(text: str, encoding: str) -> Table:
    """The rows: a label each, or a list of labels where any row has several."""
    texts: list[str] = []
    labels: list[list[str]] = []
    lines: list[int] = []
    broken: list[BrokenRow] = []
    for number, given in enumerate(text.split("\n"), start=1):
        line = mended(given.rstrip("\r"))
        if line is None:
            broken.append(BrokenRow(number, "holds bytes that are not valid UTF-8"))
            continue
        if not line.strip():
            continue
        match = ROW.fullmatch(line)
        if match is None or len(line) > MOST_ROW_CHARACTERS:
            problem = f"is not {PREFIX}NAME followed by a text"
            if match is not None:
                problem = f"is longer than {MOST_ROW_CHARACTERS:,} characters"
            broken.append(BrokenRow(number, problem))
            continue
        labels.append([label.removeprefix(PREFIX) for label in match[1].split()])
        texts.append(match[2])
        lines.append(number)
    several = any(len(names) > 1 for names in labels)
    columns = {"label": labels if several else [names[0] for names in labels], "text": texts}
    return Table("fasttext", columns, lines, tuple(broken), encoding=encoding)
