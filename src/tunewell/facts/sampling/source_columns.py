"""Columns that say where a row comes from: its source, domain, language or task."""

from __future__ import annotations

import re
from collections import Counter

from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Split

WORDS = frozenset(
    {
        "source",
        "src",
        "origin",
        "provenance",
        "domain",
        "dataset",
        "corpus",
        "subset",
        "collection",
        "site",
        "channel",
        "language",
        "lang",
        "locale",
        "task",
    }
)
NOT_NAMES = frozenset({"id", "ids", "idx", "index", "url", "uri", "link", "text", "path"})
MOST_SOURCES = 200
LEAST_ROWS = 10
"""Rows that a source has on average; where it has fewer the column tells rows apart."""

CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@fact
def source_columns(split: Split) -> tuple[str, ...]:
    """Names of the unused columns that say where rows come from, in the order of the file.

    The name tells it ("source", "data_source", "lang"); the values must come again and again.
    """
    found = []
    for name, cells in split.extra.items():
        words = re.split(r"[^a-z0-9]+", CAPITAL.sub("_", name).lower())
        values = Counter(cell for cell in cells if cell not in (None, ""))
        few = 0 < len(values) <= min(MOST_SOURCES, len(split) / LEAST_ROWS)
        if WORDS & set(words) and not NOT_NAMES & set(words) and few:
            found.append(name)
    return tuple(found)
