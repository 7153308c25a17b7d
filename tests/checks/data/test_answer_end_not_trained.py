"""DAT083 answer-end-not-trained."""

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.answer_end_not_trained import answer_end_not_trained
from tunewell.core.finding import Confidence, Severity, Tokens
from tunewell.testing import CheckCases, run_check

OUTSIDE = tiny.CHATML.replace("<|im_end|>{% endgeneration %}", "{% endgeneration %}<|im_end|>")
STREAM = " ".join(tiny.sentences(120))


def with_ends() -> list[dict[str, Any]]:
    return live.plain_rows([q + a for q, a in live.question_answer()])


def pieces(size: int = 32) -> list[dict[str, Any]]:
    """Equally long pieces of one long text, as `run_clm.py` makes them."""
    ids = tiny.tokenizer()(STREAM)["input_ids"]
    return [
        {"input_ids": ids[at : at + size], "labels": ids[at : at + size]}
        for at in range(0, len(ids) - size, size)
    ]


def cut(rows: list[dict[str, Any]], at: int) -> list[dict[str, Any]]:
    return [{name: values[:at] for name, values in row.items()} for row in rows]


def padding_masked() -> live.Subjects:
    tokens = tiny.tokenizer(pad="</s>")
    return live.batch(
        live.trainer(with_ends(), tokens=tokens, collator=live.masking_by_token(tokens))
    )


def between_texts() -> live.Subjects:
    """A stream of texts with an end token between them, which is the padding token too."""
    tokens = tiny.tokenizer(pad="</s>")
    ids = tokens("</s>".join(tiny.sentences(150)))["input_ids"]
    rows = [{"input_ids": ids[at : at + 32]} for at in range(0, len(ids) - 32, 32)]
    return live.batch(live.trainer(rows, tokens=tokens, collator=live.masking_by_token(tokens)))


def outside() -> live.Subjects:
    return live.batch(tiny.sft(live.OUT, tokens=tiny.tokenizer(template=OUTSIDE)))


def cut_by_trl() -> live.Subjects:
    return live.batch(tiny.sft(live.OUT, max_length=30))


class TestAnswerEndNotTrained(CheckCases):
    """Real trainers and collators of each kind."""

    check = answer_end_not_trained
    faulty = live.Cases(
        padding_is_the_end_token=padding_masked,
        padding_is_the_end_token_between_texts=between_texts,
        end_of_turn_outside_the_mask=outside,
        tokenised_by_hand_without_an_end=lambda: live.batch(
            live.trainer(live.masked_rows(live.question_answer(end="")))
        ),
        instructions_as_text_without_an_end=lambda: live.batch(
            live.trainer(
                live.plain_rows([q + a for q, a in live.question_answer(end="")]),
                collator=live.masking_by_token(tiny.tokenizer()),
            )
        ),
        cut_by_TRL=cut_by_trl,
        cut_by_the_tokenizer=lambda: live.batch(
            live.trainer(cut(live.masked_rows(live.question_answer()), 40))
        ),
        lines_of_text_without_an_end=lambda: live.batch(
            live.trainer(
                live.plain_rows(tiny.sentences(20)),
                collator=live.masking_by_token(tiny.tokenizer()),
            )
        ),
    )
    nearly = live.Cases(
        padding_is_the_end_token_in_TRL=lambda: live.batch(
            tiny.sft(live.OUT, tokens=tiny.tokenizer(pad="</s>"))
        ),
        TRL_texts=lambda: live.batch(
            tiny.sft(
                live.OUT,
                rows=[{"text": text} for text in tiny.sentences(20)],
                tokens=tiny.tokenizer(pad="</s>"),
                assistant_only_loss=False,
            )
        ),
        a_stream_of_text=lambda: live.batch(live.trainer(pieces())),
        packed_across_borders=lambda: live.batch(
            tiny.sft(
                live.OUT,
                rows=[{"text": text} for text in tiny.sentences(60)],
                assistant_only_loss=False,
                packing=True,
                packing_strategy="wrapped",
                max_length=32,
            )
        ),
        every_turn_trained=lambda: live.batch(tiny.sft(live.OUT, assistant_only_loss=False)),
    )
    clean = live.Cases(
        answers_of_chats=lambda: live.batch(tiny.sft(live.OUT)),
        rows_with_an_end=lambda: live.batch(
            live.trainer(with_ends(), collator=live.masking_by_token(tiny.tokenizer()))
        ),
        rows_masked_by_hand=lambda: live.batch(
            live.trainer(live.masked_rows(live.question_answer()))
        ),
        packed=lambda: live.batch(tiny.sft(live.OUT, packing=True, max_length=128)),
    )


@pytest.mark.parametrize(
    ("case", "cause", "severity"),
    [
        ("padding is the end token", "also the padding token", Severity.ERROR),
        ("padding is the end token between texts", "also the padding token", Severity.WARNING),
        ("end of turn outside the mask", "outside the loss mask", Severity.ERROR),
        ("tokenised by hand without an end", "without an end token", Severity.WARNING),
        ("instructions as text without an end", "without an end token", Severity.WARNING),
        ("cut by TRL", "cut at 30 tokens", Severity.WARNING),
        ("cut by the tokenizer", "cut at 40 tokens", Severity.WARNING),
        ("lines of text without an end", "may be read on", Severity.INFO),
    ],
)
def test_the_cause_is_named(case: str, cause: str, severity: Severity) -> None:
    (finding,) = run_check(answer_end_not_trained, TestAnswerEndNotTrained.faulty[case]).findings
    assert cause in finding.message
    assert finding.severity is severity
    assert (finding.confidence is Confidence.MEDIUM) == (
        "an end token" in cause or "read on" in cause
    )


def test_the_tokens_at_the_end_are_shown() -> None:
    (finding,) = run_check(
        answer_end_not_trained, TestAnswerEndNotTrained.faulty["end of turn outside the mask"]
    ).findings
    shown = next(e for e in finding.evidence if isinstance(e, Tokens))
    place = shown.pieces.index("<|im_end|>", 5)
    assert shown.trained[place - 1]
    assert not shown.trained[place]
