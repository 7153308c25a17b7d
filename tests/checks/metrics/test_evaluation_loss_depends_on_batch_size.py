"""MET037 evaluation-loss-depends-on-batch-size."""

from pathlib import Path

import pytest
from tests.preflight import live, tiny
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.evaluation_loss_depends_on_batch_size import (
    evaluation_loss_depends_on_batch_size,
)
from tunewell.core.finding import Severity
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def causal(out: Path, texts: list[str], **settings: Thing) -> Thing:
    """A Llama that learns texts by heart for some steps, so that its losses differ."""
    from transformers import DataCollatorForLanguageModeling

    tokens = tiny.tokenizer()
    rows = live.plain_rows(texts)
    trainer = tasks.classifier(
        out,
        rows=rows,
        judged=rows,
        model=tiny.causal(),
        collator=DataCollatorForLanguageModeling(tokens, mlm=False),
        compute_metrics=None,
        learning_rate=5e-3,
        max_steps=20,
        eval_strategy="steps",
        eval_steps=100,
        **settings,
    )
    tiny.train(trainer)
    return trainer


def mixed() -> list[str]:
    """Long and short texts."""
    said = tiny.sentences(24)
    return [" ".join(said[at : at + 8]) if at % 2 else said[at] for at in range(16)]


@pytest.mark.reproduces("E24")
class TestEvaluationLossDependsOnBatchSize(CheckCases):
    """Losses of a real evaluation at batches of 1 and 8."""

    check = evaluation_loss_depends_on_batch_size
    faulty = Live(evaluate.PROBE, long_and_short=lambda out: causal(out, mixed()))
    nearly = Live(
        evaluate.PROBE,
        one_length=lambda out: causal(out, ["the cat runs"] * 8 + ["the dog eats"] * 8),
        masked_at_random=tasks.masked,
    )
    clean = Live(evaluate.PROBE, classifier=tasks.classifier)

    def test_it_is_information(self) -> None:
        """Every language model on rows of different length has it."""
        said = run_check(
            evaluation_loss_depends_on_batch_size, self.faulty["long and short"]
        ).findings[0]
        assert said.severity is Severity.INFO
