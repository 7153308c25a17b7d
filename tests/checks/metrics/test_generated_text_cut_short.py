"""MET011 generated-text-cut-short, beside what a real T5 generates."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from tests.checks.tiny_trainers import WORDS, quiet

from tunewell.checks.metrics.generated_text_cut_short import (
    DEFAULT_LENGTH,
    generated_text_cut_short,
)
from tunewell.core.finding import Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Generation, Place, Recipe, Written
from tunewell.subjects.rehearsed_evaluation import Generated, RehearsedEvaluation
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, rows, run_check

T5 = Checkpoint(Path("t5"), {"model_type": "t5"})
BART = Checkpoint(Path("bart"), {"model_type": "bart"}, generation={"max_length": 142})
OLD_BART = Checkpoint(Path("bart"), {"model_type": "bart", "max_length": 142})


def answers(words: int, *, short: int = 0) -> Any:  # noqa: ANN401
    """A data set with ten answers of so many words, and `short` of three."""
    long = {"prompt": "a b", "completion": " ".join(["word"] * words)}
    return rows([long] * 10 + [{"prompt": "a b", "completion": "x y z"}] * short)


def recipe(limit: int | None = None, *, generate: bool = True, **more: Any) -> Recipe:  # noqa: ANN401
    """A recipe whose evaluation generates."""
    generation = Generation(predict_with_generate=generate, max_length=limit)
    return Recipe(task="seq2seq", generation=generation, format="transformers", **more)


PASSED = (Written("TrainingArguments", "generation_config", None, Place(), literal=False),)
REHEARSED = RehearsedEvaluation(
    "seq2seq", "Seq2SeqTrainer", (0,), 1, 1, ("labels",), generated=Generated(20, (60,))
)
SETS = Script(Path("t.py"), ast.parse("model.generation_config.max_length = 128"))


class TestGeneratedTextCutShort(CheckCases):
    """Planted, nearly faulty and clean limits."""

    check = generated_text_cut_short
    faulty = {
        "60 words by default": (recipe(), T5, answers(60)),
        "60 words and a limit of 32": (recipe(32), answers(60)),
        "200 words and the model's limit": (recipe(), BART, answers(200)),
        "200 words and the model's older limit": (recipe(), OLD_BART, answers(200)),
        "no answers to compare": (recipe(), T5),
    }
    nearly = {
        "exactly as long": (recipe(62), answers(60)),
        "one in thirty is longer": (recipe(32), answers(60, short=290)),
        "a generation config is passed": (recipe(written=PASSED), T5, answers(60)),
        "the script sets it": (recipe(), T5, answers(60), SETS),
        "the evaluation was rehearsed": (recipe(), T5, answers(60), REHEARSED),
        "nothing is generated": (recipe(generate=False), T5, answers(60)),
    }
    clean = {
        "short answers": (recipe(), T5, answers(10)),
        "the model's own limit": (recipe(), BART, answers(60)),
        "a limit without answers": (recipe(128), T5),
        "the model is not known": (recipe(),),
    }


def test_generate_stops_at_the_default(tmp_path: Path) -> None:
    """A T5 that never ends writes 20 tokens for labels of 40; with a limit of 60 it writes 60."""
    import pytest
    import torch
    from datasets import Dataset
    from transformers import (
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        T5Config,
        T5ForConditionalGeneration,
        default_data_collator,
    )

    torch.manual_seed(0)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=WORDS,
            d_model=16,
            d_kv=8,
            d_ff=32,
            num_layers=1,
            num_heads=2,
            decoder_start_token_id=0,
        )
    )
    model.generation_config.eos_token_id = None
    written: list[int] = []

    def length(predicted: Any) -> dict[str, float]:  # noqa: ANN401
        written.append(predicted.predictions.shape[1] - 1)
        return {}

    def trainer(limit: int | None) -> Any:  # noqa: ANN401
        row = {"input_ids": list(range(3, 11)), "labels": list(range(3, 43))}
        return Seq2SeqTrainer(
            model=model,
            args=Seq2SeqTrainingArguments(
                **quiet(tmp_path), predict_with_generate=True, generation_max_length=limit
            ),
            eval_dataset=Dataset.from_list([row] * 2),
            data_collator=default_data_collator,
            compute_metrics=length,
        )

    model.save_pretrained(tmp_path / "t5")
    subjects = (read_checkpoint(tmp_path / "t5"), answers(40))
    unsaid, said = trainer(None), trainer(60)
    with pytest.warns(UserWarning, match="model-agnostic default"):
        unsaid.evaluate()
    said.evaluate()
    assert written == [DEFAULT_LENGTH, 59]
    found = run_check(generated_text_cut_short, (recipe_of(unsaid), *subjects)).findings[0]
    assert found.severity is Severity.ERROR
    assert not run_check(generated_text_cut_short, (recipe_of(said), *subjects)).findings
