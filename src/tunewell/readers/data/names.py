"""Names that people give to the text and to the label of a row."""

from __future__ import annotations

import re

TEXT_NAMES = {
    name: rank
    for rank, names in enumerate(
        (
            ("text",),
            (
                "sentence",
                "utterance",
                "query",
                "content",
                "message",
                "texts",
                "body",
                "review",
                "comment",
                "tweet",
                "question",
                "document",
                "description",
                "sms",
                "post",
                "input",
                "sentences",
                "utterances",
                "messages",
                "review_text",
                "comment_text",
                "full_text",
                "raw_text",
                "clean_text",
                "input_text",
                "review_body",
            ),
            ("title", "headline", "subject", "prompt", "statement", "example", "phrase"),
        )
    )
    for name in names
}
"""Folded column name to rank; 0 goes before 1."""

LABEL_NAMES = {
    name: rank
    for rank, names in enumerate(
        (
            ("label",),
            (
                "labels",
                "category",
                "intent",
                "class",
                "target",
                "sentiment",
                "topic",
                "emotion",
                "categories",
                "label_text",
                "label_name",
                "class_name",
                "class_label",
                "y",
                "coarse_label",
                "output",
                "tag",
            ),
            ("type", "rating", "stars", "answer", "gold", "domain", "department", "queue"),
        )
    )
    for name in names
}
"""Folded column name to rank; 0 goes before 1."""


def fold_name(name: str) -> str:
    """A column name without case, and with one underscore for white space, dots and dashes."""
    return re.sub(r"[\s._-]+", "_", name.strip().casefold()).strip("_")
