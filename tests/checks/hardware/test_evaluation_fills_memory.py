"""HW020 evaluation-fills-memory, beside what the real Trainer keeps."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.checks.tiny_trainers import WORDS, arguments, language_model, token_rows

from tunewell.checks.hardware.evaluation_fills_memory import evaluation_fills_memory
from tunewell.core.finding import Number, Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Generation, Recipe, Saving
from tunewell.subjects.script import Script
from tunewell.subjects.tokenization import Tokenization
from tunewell.testing import CheckCases, rows, run_check

GIB = 1024**3
LLAMA = Checkpoint(Path("model"), {"model_type": "llama", "vocab_size": 128_256})
TEXT = " ".join(["word"] * 512)
ROWS = rows(
    [{"prompt": "a", "completion": TEXT}] * 4,
    evaluation=[{"prompt": "a", "completion": TEXT}] * 1000,
)
TRAINER = "Trainer(model, compute_metrics=score{more})"


def recipe(*, task: str = "sft", generate: bool = False, **saving: Any) -> Recipe:  # noqa: ANN401
    """A language model that is evaluated by a metric."""
    settings = {"metrics_computed": True, "logits_reduced": False, **saving}
    return Recipe(
        task=task,
        precision="bf16",
        saving=Saving(**settings),
        generation=Generation(predict_with_generate=generate),
        format="transformers",
    )


def machine(gib: float, *, gpu: float | None = None) -> Machine:
    """A machine with so much main memory, and perhaps a GPU."""
    return Machine(
        cores=8,
        memory_bytes=int(gib * GIB),
        disk_free_bytes=10**12,
        gpu_name=None if gpu is None else "A100-SXM4-80GB",
        gpu_bytes=None if gpu is None else int(gpu * GIB),
    )


def script(more: str = "") -> Script:
    """A script that makes a trainer with a metric."""
    return Script(Path("train.py"), ast.parse(TRAINER.format(more=more)))


UNTOLD = recipe(metrics_computed=None, logits_reduced=None)
LENGTHS = Tokenization("train", np.array([300, 700]), max_length=None, model_limit=None)


class TestEvaluationFillsMemory(CheckCases):
    """Planted, nearly faulty and clean evaluations."""

    check = evaluation_fills_memory
    faulty = {
        "on the GPU": (recipe(), ROWS, LLAMA, machine(2000, gpu=80)),
        "in main memory": (recipe(), ROWS, LLAMA, machine(64)),
        "moved to main memory": (
            recipe(eval_accumulation_steps=1),
            ROWS,
            LLAMA,
            machine(64, gpu=80),
        ),
        "joined in main memory": (recipe(), ROWS, LLAMA, machine(400)),
        "a script with a metric": (UNTOLD, ROWS, LLAMA, machine(64), script()),
        "lengths by the tokenizer": (recipe(), ROWS, LLAMA, machine(300), LENGTHS),
    }
    nearly = {
        "made small first": (recipe(logits_reduced=True), ROWS, LLAMA, machine(64)),
        "the same in a script": (
            UNTOLD,
            ROWS,
            LLAMA,
            machine(64),
            script(", preprocess_logits_for_metrics=best"),
        ),
        "whatever the script passes on": (UNTOLD, ROWS, LLAMA, machine(64), script(", **more")),
        "the loss alone": (recipe(metrics_computed=False), ROWS, LLAMA, machine(64)),
        "nothing known of a metric": (UNTOLD, ROWS, LLAMA, machine(64)),
        "generated words": (recipe(task="seq2seq", generate=True), ROWS, LLAMA, machine(64)),
        "a classifier": (recipe(task="text-classification"), ROWS, LLAMA, machine(64)),
    }
    clean = {
        "room": (recipe(), ROWS, LLAMA, machine(600)),
        "no evaluation rows": (
            recipe(),
            rows([{"prompt": "a", "completion": "b"}] * 4),
            LLAMA,
            machine(64),
        ),
        "memory not known": (recipe(), ROWS, LLAMA, machine(0)),
    }


@pytest.mark.reproduces("P12")
def test_the_trainer_keeps_exactly_so_many_bytes(tmp_path: Path) -> None:
    """The predictions of a real evaluation, against the number in the finding."""
    from transformers import Trainer

    kept: list[int] = []

    def score(predicted: Any) -> dict[str, float]:  # noqa: ANN401  transformers has no types
        kept.append(predicted.predictions.nbytes)
        return {}

    def trainer(**reduced: Any) -> Any:  # noqa: ANN401  the same
        return Trainer(
            model=language_model(),
            args=arguments(tmp_path),
            eval_dataset=token_rows(24),
            compute_metrics=score,
            **reduced,
        )

    trained = trainer()
    trained.evaluate()
    words = " ".join(["w"] * 7)
    row = {"prompt": "w", "completion": words}
    data = rows([row], evaluation=[row] * 24)
    model = Checkpoint(Path("model"), {"vocab_size": WORDS})
    subjects = (data, model, machine(1e-6))
    found = run_check(evaluation_fills_memory, (recipe_of(trained), *subjects)).findings[0]
    measured = found.evidence[0]
    assert isinstance(measured, Number)
    assert measured.value == kept[0] == 24 * 8 * WORDS * 4
    assert found.severity is Severity.ERROR
    small = trainer(preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1))
    small.evaluate()
    assert kept[1] == 24 * 8 * 8
    assert not run_check(evaluation_fills_memory, (recipe_of(small), *subjects)).findings
