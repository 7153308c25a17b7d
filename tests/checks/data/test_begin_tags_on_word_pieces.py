"""DAT116 begin-tags-on-word-pieces."""

from collections.abc import Sequence

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live

from tunewell.checks.data.begin_tags_on_word_pieces import begin_tags_on_word_pieces
from tunewell.preflight import words
from tunewell.testing import CheckCases

WORDS = ("tokens",)
INSIDE = {1: 2, 3: 4}
"""The tag that goes on with the span that a tag begins."""


def on_every_piece(words: Sequence[int | None], tags: Sequence[int]) -> list[int]:
    return [-100 if word is None else tags[word] for word in words]


def inside_on_further_pieces(words: Sequence[int | None], tags: Sequence[int]) -> list[int]:
    before: int | None = None
    labels = []
    for word in words:
        tag = -100 if word is None else tags[word]
        labels.append(INSIDE.get(tag, tag) if word == before else tag)
        before = word
    return labels


@pytest.mark.reproduces("D44")
class TestBeginTagsOnWordPieces(CheckCases):
    """Rows that a real tokenizer cut into pieces."""

    check = begin_tags_on_word_pieces
    faulty = Live(
        words.PROBE,
        copied=lambda out: tasks.tagger(out, rows=tasks.tagged(align=on_every_piece, keep=WORDS)),
    )
    nearly = Live(
        words.PROBE,
        inside=lambda out: tasks.tagger(
            out, rows=tasks.tagged(align=inside_on_further_pieces, keep=WORDS)
        ),
    )
    clean = Live(
        words.PROBE, first_pieces=lambda out: tasks.tagger(out, rows=tasks.tagged(keep=WORDS))
    )
