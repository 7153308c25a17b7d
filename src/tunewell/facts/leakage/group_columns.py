"""Columns that say which document, conversation or person a row is from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

WHOLES = (
    "article",
    "author",
    "book",
    "case",
    "chat",
    "conversation",
    "conv",
    "customer",
    "dialog",
    "dialogue",
    "doc",
    "document",
    "episode",
    "file",
    "filename",
    "group",
    "hadm",
    "page",
    "paper",
    "participant",
    "passage",
    "patient",
    "pmid",
    "post",
    "prompt",
    "question",
    "report",
    "repo",
    "review",
    "reviewer",
    "scene",
    "session",
    "speaker",
    "story",
    "student",
    "subject",
    "thread",
    "ticket",
    "title",
    "uid",
    "url",
    "user",
    "video",
    "wiki",
    "worker",
)
"""Words for what rows can be pieces of, and for who wrote them."""

ENDINGS = r"(?:_?(?:id|ids|key|uuid|guid|name|nr|no|number|hash|idx|index|title|url|path))?"
NAME = re.compile(rf"(?:.*_)?(?:{'|'.join(WHOLES)}){ENDINGS}")
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

FEWEST_GROUPS = 10
"""Different values below which a column names kinds of rows and no documents."""

LARGEST_SHARE = 0.1
"""Share of the training rows that the largest group may have: more is a kind of row, or a value
that stands for none."""

LEAST_GROUPED = 0.2
"""Share of training rows that must have a companion in their group: else the column numbers rows.
"""


def is_group_name(name: str) -> bool:
    """Whether a column's name says that it names a document, conversation or person."""
    folded = re.sub(r"[^a-z0-9]+", "_", CAPITAL.sub("_", name).lower()).strip("_")
    return NAME.fullmatch(folded) is not None


def known_groups(
    name: str, training: Sequence[object], judged: Sequence[object]
) -> tuple[int, ...] | None:
    """Judged rows whose group is also in the training rows; None where it is no group column."""
    if not is_group_name(name):
        return None
    sizes = Counter(key for cell in training if (key := group_key(cell)) is not None)
    rows = sum(sizes.values())
    if (
        len(sizes) < FEWEST_GROUPS
        or max(sizes.values()) > max(2, LARGEST_SHARE * rows)
        or sum(size for size in sizes.values() if size > 1) < LEAST_GROUPED * rows
        or (_counted_from_start(sizes) and _counted_from_start(map(group_key, judged)))
    ):
        return None
    return tuple(row for row, cell in enumerate(judged) if group_key(cell) in sizes)


def group_key(cell: object) -> str | None:
    """A group's name; None where there is none. 7 and 7.0 and "7" are the same group."""
    if cell is None or isinstance(cell, bool) or cell != cell:  # noqa: PLR0124  NaN
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None


def _counted_from_start(keys: Iterable[str | None]) -> bool:
    """Whether groups are numbered 0, 1, 2 ... or 1, 2, 3 ...: then each file has its own."""
    found = {key for key in keys if key is not None}
    if not found or not all(key.isdecimal() for key in found):
        return False
    numbers = {int(key) for key in found}
    return min(numbers) <= 1 and max(numbers) - min(numbers) + 1 == len(numbers)
