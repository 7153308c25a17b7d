"""MET038 answer-in-generation-prompt."""

from pathlib import Path

import pytest
from tests.preflight import live, tiny
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.answer_in_generation_prompt import answer_in_generation_prompt
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def decoder(out: Path, rows: Thing) -> Thing:
    """A Llama that is judged by how it continues rows, padded on the left."""
    from transformers import DataCollatorForSeq2Seq

    tokens = tiny.tokenizer(padding_side="left")
    trainer = tasks.translator(
        out,
        rows=live.masked_rows(live.question_answer()),
        model=tiny.causal(),
        tokens=tokens,
        collator=DataCollatorForSeq2Seq(tokens),
        compute_metrics=None,
        generation_max_length=120,
        prediction_loss_only=False,
    )
    trainer.eval_dataset = tiny.dataset(rows)
    return trainer


def prompts(*, same_answer: bool = False) -> list[dict[str, list[int]]]:
    """Questions as inputs, and labels of the same length that are the answers."""
    tokens = tiny.tokenizer()
    rows = []
    for question, answer in live.question_answer(8):
        asked = tokens(question)["input_ids"]
        said = tokens("red" if same_answer else answer)["input_ids"][: len(asked)]
        rows.append(
            {
                "input_ids": asked,
                "attention_mask": [1] * len(asked),
                "labels": said + [-100] * (len(asked) - len(said)),
            }
        )
    return rows


@pytest.mark.reproduces("E27")
class TestAnswerInGenerationPrompt(CheckCases):
    """Rows of training handed to generate, and rows that end where the answer begins."""

    check = answer_in_generation_prompt
    faulty = Live(
        evaluate.PROBE,
        rows_of_training=lambda out: decoder(out, live.masked_rows(live.question_answer(8))),
        whole_texts=lambda out: decoder(
            out,
            [
                {**row, "labels": row["input_ids"]}
                for row in live.masked_rows(live.question_answer(8))
            ],
        ),
    )
    nearly = Live(
        evaluate.PROBE,
        prompts=lambda out: decoder(out, prompts()),
        short_answers=lambda out: decoder(out, prompts(same_answer=True)),
    )
    clean = Live(evaluate.PROBE, encoder_and_decoder=tasks.translator, no_texts=tasks.classifier)

    def test_the_rows_are_counted(self) -> None:
        """All of those that were compared."""
        said = run_check(answer_in_generation_prompt, self.faulty["rows of training"]).findings[0]
        assert said.message.startswith("4 of 4 rows hand the model the answer")
