"""DAT118 answer-span-lost."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.answer_span_lost import answer_span_lost
from tunewell.core.finding import Severity
from tunewell.preflight import collate
from tunewell.testing import CheckCases, run_check


def moved(step: int, *, keep: bool = True) -> list[dict[str, Thing]]:
    """Spans moved by some tokens; those of the question come before the context."""
    rows = []
    for row in tasks.questions():
        made = {
            **row,
            "start_positions": max(0, row["start_positions"] + step),
            "end_positions": max(0, row["end_positions"] + step),
        }
        if not keep:
            del made["answers"]
        rows.append(made)
    return rows


def cut(length: int, *, keep: bool = True) -> list[dict[str, Thing]]:
    """Rows cut after so many tokens; a lost answer points at the first token, as is usual."""
    rows = []
    for row in tasks.questions():
        there = row["end_positions"] < length
        made = {
            **row,
            "input_ids": row["input_ids"][:length],
            "attention_mask": row["attention_mask"][:length],
            "start_positions": row["start_positions"] if there else 0,
            "end_positions": row["end_positions"] if there else 0,
        }
        if not keep:
            del made["answers"]
        rows.append(made)
    return rows


def unanswerable(out: Path) -> Thing:
    """A third of the questions have no answer, as in SQuAD 2."""
    rows = tasks.questions()
    for row in rows[::3]:
        row["start_positions"] = row["end_positions"] = 0
        row["answers"] = {"text": [], "answer_start": []}
    return tasks.answerer(out, rows=rows)


@pytest.mark.reproduces("D47")
class TestAnswerSpanLost(CheckCases):
    """Real rows of a question and a context."""

    check = answer_span_lost
    faulty = Live(
        collate.PROBE,
        offsets_without_the_question=lambda out: tasks.answerer(out, rows=moved(-5)),
        beyond_the_row=lambda out: tasks.answerer(out, rows=moved(40)),
        cut_off=lambda out: tasks.answerer(out, rows=cut(9)),
        all_alike_and_no_answers_kept=lambda out: tasks.answerer(out, rows=cut(4, keep=False)),
    )
    nearly = Live(
        collate.PROBE,
        some_have_no_answer=unanswerable,
        no_answers_kept=lambda out: tasks.answerer(out, rows=moved(0, keep=False)),
    )
    clean = Live(collate.PROBE, right=tasks.answerer)

    def test_what_is_lost_is_told(self) -> None:
        """Wrong places are errors; truncation is a warning."""
        said = run_check(answer_span_lost, self.faulty["offsets without the question"]).findings[0]
        assert "do not decode to the answer: row" in said.message
        said = run_check(answer_span_lost, self.faulty["cut off"]).findings[0]
        assert "to truncation" in said.message
        assert said.severity is Severity.WARNING
