"""DAT088 mask-not-as-set."""
# ruff: noqa: ANN401  trainers and collators have no types

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.mask_not_as_set import mask_not_as_set
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


def pairs() -> list[dict[str, Any]]:
    return [{"prompt": q, "completion": a} for q, a in live.question_answer(end="")]


def supervised(rows: list[dict[str, Any]], collator: Any = None, **settings: Any) -> live.Subjects:
    """TRL's trainer with a collator of the user's own."""
    from trl import SFTConfig, SFTTrainer

    with quiet(1):
        trainer = SFTTrainer(
            tiny.causal(),
            args=tiny.arguments(live.OUT, SFTConfig, **settings),
            train_dataset=tiny.dataset(rows),
            processing_class=tiny.tokenizer(),
            data_collator=collator,
        )
    return live.batch(trainer)


def tokenised() -> list[dict[str, Any]]:
    """Rows that were tokenised beforehand, without labels and without a mask."""
    return live.plain_rows([q + a for q, a in live.question_answer()])


def beside_messages() -> list[dict[str, Any]]:
    tokens = tiny.tokenizer()
    return [
        {**row, "input_ids": tokens.apply_chat_template(row["messages"])["input_ids"]}
        for row in tiny.chats()
    ]


def two_tokens() -> list[dict[str, Any]]:
    """A completion mask of two tokens, as of TRL 0.24 with transformers 5."""
    rows = []
    for (question, answer), row in zip(
        live.question_answer(), live.masked_rows(live.question_answer()), strict=True
    ):
        labels = [-100] * (len(row["labels"]) - 2) + row["labels"][-2:]
        rows.append({**row, "labels": labels, "prompt": question, "completion": answer})
    return rows


@pytest.mark.reproduces("D07", "V04")
class TestMaskNotAsSet(CheckCases):
    """Ways in which TRL 1.16 loses a mask without a word, and settings that ask for none."""

    check = mask_not_as_set
    faulty = live.Cases(
        a_collator_that_makes_new_labels=lambda: supervised(
            pairs(), live.masking_by_token(tiny.tokenizer())
        ),
        rows_tokenised_without_a_mask=lambda: supervised(tokenised(), completion_only_loss=True),
        messages_beside_tokens=lambda: supervised(beside_messages(), assistant_only_loss=True),
        a_mask_of_two_tokens=lambda: supervised(two_tokens(), completion_only_loss=True),
    )
    nearly = live.Cases(
        prompts_by_choice=lambda: supervised(pairs(), completion_only_loss=False),
        chats_in_full=lambda: supervised(tiny.chats()),
        texts=lambda: supervised([{"text": text} for text in tiny.sentences(20)]),
        cut=lambda: supervised(pairs(), max_length=48),
    )
    clean = live.Cases(
        completions_by_default=lambda: supervised(pairs()),
        answers_of_chats=lambda: supervised(tiny.chats(), assistant_only_loss=True),
        masked_by_hand=lambda: supervised(
            live.masked_rows(live.question_answer()), completion_only_loss=True
        ),
    )


def test_the_setting_that_is_not_kept_is_named() -> None:
    cases = {
        "a collator that makes new labels": "TRL's default",
        "rows tokenised without a mask": "completion_only_loss",
        "messages beside tokens": "assistant_only_loss",
        "a mask of two tokens": "leaves out most of the answer in 100 %",
    }
    for case, cause in cases.items():
        (finding,) = run_check(mask_not_as_set, TestMaskNotAsSet.faulty[case]).findings
        assert cause in finding.message, finding.message
