"""DAT117 words-without-label."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.words_without_label import words_without_label
from tunewell.core.finding import Confidence
from tunewell.preflight import collate, words
from tunewell.testing import CheckCases, run_check

LOOKS = (collate.PROBE, words.PROBE)


def by_offsets(*, begins: int) -> list[dict[str, Thing]]:
    """Labels for tokens whose offset in their word begins here: right for 0 with most tokenizers.

    With this one, which counts no leading space, a beginning of 1 is never found.
    """
    tokens = tiny.tokenizer()
    rows = []
    for text in tasks.tagged(keep=("tokens", "ner_tags")):
        made = tokens(text["tokens"], is_split_into_words=True, return_offsets_mapping=True)
        words = made.word_ids()
        labels = [
            text["ner_tags"][word] if low == begins and high > low and before != word else -100
            for (low, high), word, before in zip(
                made.pop("offset_mapping"), words, [None, *words], strict=False
            )
        ]
        rows.append({**made, "labels": labels, "tokens": text["tokens"]})
    return rows


def only_first_words(words: Sequence[int | None], tags: Sequence[int]) -> list[int]:
    return [tags[0] if word == 0 else -100 for word in words]


def without_words(out: Path) -> Thing:
    rows = [
        {k: row[k] for k in ("input_ids", "attention_mask", "labels")}
        for row in by_offsets(begins=1)
    ]
    return tasks.tagger(out, rows=rows)


def cut(out: Path) -> Thing:
    """Rows cut after eight tokens: the words behind are not there."""
    rows = [
        {k: row[k][:8] for k in ("input_ids", "attention_mask", "labels")}
        | {"tokens": row["tokens"]}
        for row in tasks.tagged(keep=("tokens",))
    ]
    return tasks.tagger(out, rows=rows)


@pytest.mark.reproduces("D46")
class TestWordsWithoutLabel(CheckCases):
    """Alignments that miss the words."""

    check = words_without_label
    faulty = Live(
        *LOOKS,
        no_offset_fits=lambda out: tasks.tagger(out, rows=by_offsets(begins=1)),
        rows_that_keep_no_words=without_words,
        only_the_first_word=lambda out: tasks.tagger(
            out, rows=tasks.tagged(align=only_first_words, keep=("tokens",))
        ),
    )
    nearly = Live(
        *LOOKS,
        offsets_that_fit=lambda out: tasks.tagger(out, rows=by_offsets(begins=0)),
        cut_rows=cut,
    )
    clean = Live(*LOOKS, word_ids=tasks.tagger)

    def test_nothing_at_all_is_sure(self) -> None:
        """Some words without a label may be meant."""
        sure = [
            run_check(words_without_label, case).findings[0].confidence
            for case in self.faulty.values()
        ]
        assert sure == [Confidence.HIGH, Confidence.HIGH, Confidence.MEDIUM]
