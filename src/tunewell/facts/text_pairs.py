"""Names that data sets give to the two texts of one row."""

from __future__ import annotations

from collections.abc import Collection

PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "context"),
    ("query", "passage"),
    ("query", "document"),
    ("text1", "text2"),
    ("text_a", "text_b"),
)
"""Columns of GLUE, SuperGLUE, SNLI and the like that are read together."""


def pair_in(names: Collection[str]) -> tuple[str, str] | None:
    """The two columns that belong together, None where there are none."""
    return next((pair for pair in PAIRS if set(pair) <= set(names)), None)
