"""MET024 generation-depends-on-padding."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.generation_depends_on_padding import generation_depends_on_padding
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def decoder(out: Path, side: str, *, longest: int = 12) -> Thing:
    """A Llama that is judged by how it continues prompts."""
    tokens = tiny.tokenizer(padding_side=side)
    rows = [
        {**tokens(text), "labels": tokens(text)["input_ids"]}
        for text in tiny.sentences(24, longest=longest)
    ]
    from transformers import DataCollatorForSeq2Seq

    trainer = tasks.translator(
        out,
        rows=rows,
        model=tiny.causal(),
        tokens=tokens,
        collator=DataCollatorForSeq2Seq(tokens),
        compute_metrics=None,
        generation_max_length=40,
        prediction_loss_only=False,
    )
    trainer.eval_dataset = tiny.dataset(
        [answered(row, tokens("fine thanks")["input_ids"]) for row in rows[:8]]
    )
    return trainer


def answered(row: Thing, answer: list[int]) -> dict[str, list[int]]:
    """The row as a prompt, with an answer that does not stand in it."""
    rest = len(row["input_ids"]) - len(answer)
    return {**row, "labels": [*[-100] * rest, *answer]}


@pytest.mark.reproduces("E10")
class TestGenerationDependsOnPadding(CheckCases):
    """A real decoder in a Seq2SeqTrainer."""

    check = generation_depends_on_padding
    faulty = Live(evaluate.PROBE, right=lambda out: decoder(out, "right"))
    nearly = Live(
        evaluate.PROBE,
        left=lambda out: decoder(out, "left"),
        right_without_padding=lambda out: decoder(out, "right", longest=3),
    )
    clean = Live(evaluate.PROBE, encoder_and_decoder=tasks.translator, no_texts=tasks.classifier)

    def test_the_side_is_told(self) -> None:
        """Padding on the right is the cause."""
        said = run_check(generation_depends_on_padding, self.faulty["right"]).findings[0]
        assert "padded on the right than alone" in said.message
