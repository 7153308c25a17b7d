"""DAT082 row-without-trained-token."""
# ruff: noqa: ANN401  trainers and collators have no types

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.row_without_trained_token import row_without_trained_token
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet

UNMARKED = tiny.CHATML.replace("{% generation %}", "").replace("{% endgeneration %}", "")
MARKER = "### Response:\n"


def from_the_marker_on(tokens: Any, marker: list[int]) -> Any:
    """The collator that TRL once had, as many scripts still carry it along."""
    from transformers import DataCollatorForLanguageModeling

    class DataCollatorForCompletionOnlyLM(DataCollatorForLanguageModeling):
        def torch_call(self, examples: Any) -> Any:
            batch = super().torch_call(examples)
            for row, ids in zip(batch["labels"], batch["input_ids"].tolist(), strict=True):
                starts = [at for at in range(len(ids)) if ids[at : at + len(marker)] == marker]
                row[: starts[0] + len(marker) if starts else len(row)] = -100
            return batch

    return DataCollatorForCompletionOnlyLM(tokens, mlm=False)


def marked(marker: str) -> live.Subjects:
    """Rows whose answer is looked for by the tokens of a marker, in context or not."""
    tokens = tiny.tokenizer()
    texts = [question + answer for question, answer in live.question_answer()]
    collator = from_the_marker_on(tokens, tokens(marker)["input_ids"])
    return live.batch(
        live.trainer(live.plain_rows(texts, tokens), tokens=tokens, collator=collator)
    )


def by_length_arithmetic(offset: int) -> list[dict[str, Any]]:
    """Rows masked as LLaVA does: on a mismatch of counted lengths the whole row is ignored."""
    tokens = tiny.tokenizer(bos=True)
    rows = []
    for question, answer in live.question_answer():
        ids = tokens(question + answer)["input_ids"]
        asked = len(tokens(question)["input_ids"]) - offset
        said = len(tokens(answer)["input_ids"]) - offset
        labels = [-100] * (asked + 1) + ids[asked + 1 :]
        if 1 + asked + said != len(ids):  # WARNING: tokenization mismatch (ignored)
            labels = [-100] * len(ids)
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def by_template(template: str) -> list[dict[str, Any]]:
    tokens = tiny.tokenizer(template=template)
    rows = []
    for row in tiny.chats():
        with quiet():
            made = tokens.apply_chat_template(
                row["messages"], return_dict=True, return_assistant_tokens_mask=True
            )
        labels = [
            token if known else -100
            for token, known in zip(made["input_ids"], made["assistant_masks"], strict=True)
        ]
        rows.append({**made, "labels": labels})
    return rows


def long_questions(count: int, limit: int = 40) -> list[dict[str, Any]]:
    """Rows cut by hand, of which some have a question that is longer than the limit."""
    pairs = live.question_answer(40)
    pairs = [(q * (3 if i < count else 1), a) for i, (q, a) in enumerate(pairs)]
    rows = live.masked_rows(pairs)
    return [{name: cells[:limit] for name, cells in row.items()} for row in rows]


@pytest.mark.reproduces("D08", "D09", "D10", "D60")
class TestRowWithoutTrainedToken(CheckCases):
    """Each way in which real code masks whole rows."""

    check = row_without_trained_token
    faulty = live.Cases(
        marker_tokenises_otherwise=lambda: marked(" " + MARKER),
        template_marks_nothing=lambda: live.batch(live.trainer(by_template(UNMARKED))),
        lengths_do_not_fit=lambda: live.batch(
            live.trainer(by_length_arithmetic(0), tokens=tiny.tokenizer(bos=True))
        ),
        questions_fill_the_length=lambda: live.batch(live.trainer(long_questions(10, 60))),
    )
    nearly = live.Cases(
        lengths_fit=lambda: live.batch(
            live.trainer(by_length_arithmetic(1), tokens=tiny.tokenizer(bos=True))
        ),
        marker_in_context=lambda: marked("\n" + MARKER),
        cut_by_TRL_which_drops_them=lambda: live.batch(
            tiny.sft(
                live.OUT,
                rows=[{"prompt": q * (3 if i < 5 else 1), "completion": a}
                      for i, (q, a) in enumerate(live.question_answer())],
                assistant_only_loss=False,
                max_length=60,
            )
        ),
    )  # fmt: skip
    clean = live.Cases(
        answers_of_chats=lambda: live.batch(tiny.sft(live.OUT)),
        a_template_with_marks=lambda: live.batch(live.trainer(by_template(tiny.CHATML))),
    )


@pytest.mark.parametrize(
    ("case", "cause", "severity"),
    [
        ("marker tokenises otherwise", "CompletionOnlyLM masks them", Severity.ERROR),
        ("template marks nothing", "without a {% generation %} block", Severity.ERROR),
        ("lengths do not fit", "come with all labels masked", Severity.ERROR),
        ("questions fill the length", "the answer was cut off", Severity.WARNING),
    ],
)
def test_the_cause_is_named(case: str, cause: str, severity: Severity) -> None:
    subjects = TestRowWithoutTrainedToken.faulty[case]
    (finding,) = run_check(row_without_trained_token, subjects).findings
    assert cause in finding.message
    assert finding.severity is severity


def test_training_goes_on_with_a_loss_of_zero() -> None:
    losses = tiny.train(live.trainer([{"input_ids": [9] * 8, "labels": [-100] * 8}] * 16))
    assert losses == [0.0] * 4
