"""DAT085 labels-not-the-inputs."""

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.labels_not_the_inputs import labels_not_the_inputs
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check


def shifted(*, masked: bool) -> list[dict[str, Any]]:
    """Rows whose labels were shifted by hand, all of them or those of the answer."""
    rows = live.masked_rows(live.question_answer())
    return [
        {
            **row,
            "labels": [*(row["labels"] if masked else row["input_ids"])[1:], -100],
        }
        for row in rows
    ]


def by_collator(*, mlm: bool) -> live.Subjects:
    from transformers import DataCollatorForLanguageModeling

    tokens = tiny.tokenizer()
    collator = DataCollatorForLanguageModeling(tokens, mlm=mlm, seed=0)
    rows = live.plain_rows([text + "</s>" for text in tiny.sentences(24)], tokens)
    return live.batch(live.trainer(rows, tokens=tokens, collator=collator))


def other_labels() -> list[dict[str, Any]]:
    return [
        {**row, "labels": [100 + at for at, _ in enumerate(row["input_ids"])]}
        for row in live.plain_rows(tiny.sentences(20))
    ]


def a_few_replaced() -> list[dict[str, Any]]:
    rows = live.masked_rows(live.question_answer())
    for row in rows[::2]:
        row["labels"][-3] = 9
    return rows


@pytest.mark.reproduces("D55", "O34")
class TestLabelsNotTheInputs(CheckCases):
    """Labels of a plain Trainer, made by hand and by the collators of transformers."""

    check = labels_not_the_inputs
    faulty = live.Cases(
        shifted_by_hand=lambda: live.batch(live.trainer(shifted(masked=False))),
        answers_shifted_by_hand=lambda: live.batch(live.trainer(shifted(masked=True))),
        for_masked_language_modelling=lambda: by_collator(mlm=True),
        of_something_else=lambda: live.batch(live.trainer(other_labels())),
    )
    nearly = live.Cases(
        a_few_replaced=lambda: live.batch(live.trainer(a_few_replaced())),
    )
    clean = live.Cases(
        for_causal_language_modelling=lambda: by_collator(mlm=False),
        answers_of_chats=lambda: live.batch(tiny.sft(live.OUT)),
        packed=lambda: live.batch(tiny.sft(live.OUT, packing=True, max_length=128)),
    )


@pytest.mark.parametrize(
    ("case", "cause", "severity"),
    [
        ("shifted by hand", "shifted by hand", Severity.ERROR),
        ("answers shifted by hand", "shifted by hand", Severity.ERROR),
        ("for masked language modelling", "masked language modelling", Severity.ERROR),
        ("of something else", "only 0 %", Severity.WARNING),
    ],
)
def test_the_cause_is_named(case: str, cause: str, severity: Severity) -> None:
    (finding,) = run_check(labels_not_the_inputs, TestLabelsNotTheInputs.faulty[case]).findings
    assert cause in finding.message
    assert finding.severity is severity
