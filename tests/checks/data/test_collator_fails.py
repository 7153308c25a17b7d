"""DAT110 collator-fails."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.collator_fails import collator_fails
from tunewell.preflight import collate, trial
from tunewell.testing import CheckCases, run_check

LOOKS = (collate.PROBE, trial.PROBE)


def unpadded(out: Path) -> Thing:
    from transformers import default_data_collator

    return tasks.classifier(out, collator=default_data_collator)


def unpadded_labels(out: Path) -> Thing:
    from transformers import DataCollatorWithPadding

    return tasks.tagger(out, collator=DataCollatorWithPadding(tiny.tokenizer()))


def text_left_in(out: Path) -> Thing:
    rows = [{**row, "text": "a cat"} for row in tasks.classified()]
    return tasks.classifier(out, rows=rows, remove_unused_columns=False)


def names_for_labels(out: Path) -> Thing:
    rows = [{**row, "labels": tasks.LABELS[row["labels"]]} for row in tasks.classified()]
    return tasks.classifier(out, rows=rows)


def one_length(out: Path) -> Thing:
    from transformers import default_data_collator

    rows = [
        {"input_ids": row["input_ids"][:3], "attention_mask": [1, 1, 1], "labels": row["labels"]}
        for row in tasks.classified()
    ]
    return tasks.classifier(out, rows=rows, judged=rows[:8], collator=default_data_collator)


def text_taken_out(out: Path) -> Thing:
    return tasks.classifier(out, rows=[{**row, "text": "a cat"} for row in tasks.classified()])


@pytest.mark.reproduces("D61", "D24")
class TestCollatorFails(CheckCases):
    """Rows that differ, labels that differ, and text, with the real collators."""

    check = collator_fails
    faulty = Live(
        *LOOKS,
        unpadded=unpadded,
        unpadded_labels=unpadded_labels,
        text_left_in=text_left_in,
        names_for_labels=names_for_labels,
    )
    nearly = Live(*LOOKS, one_length_without_padding=one_length, text_taken_out=text_taken_out)
    clean = Live(
        *LOOKS, padded=tasks.classifier, padded_labels=tasks.tagger, streamed=tasks.streamed
    )

    def test_the_column_and_its_rows_are_named(self) -> None:
        """The shortest and the longest row come first."""
        finding = run_check(collator_fails, self.faulty["unpadded labels"]).findings[0]
        assert "'labels' is not padded; row 0 has 23 entries and row 19 has 32" in finding.message
        assert [getattr(place, "index", None) for place in finding.where[:2]] == [0, 19]
        assert "DataCollatorForTokenClassification" in finding.fixes[0].title
        finding = run_check(collator_fails, self.faulty["text left in"]).findings[0]
        assert "'text' holds text" in finding.message
        finding = run_check(collator_fails, self.faulty["names for labels"]).findings[0]
        assert "label2id" in finding.fixes[0].title
