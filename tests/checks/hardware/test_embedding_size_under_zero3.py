"""HW053 embedding-size-under-zero3."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from tunewell.checks.hardware.embedding_size_under_zero3 import embedding_size_under_zero3
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check


def zero(stage: int) -> Recipe:
    """A recipe with this stage of ZeRO."""
    return Recipe(
        format="transformers",
        hardware=Hardware(deepspeed={"zero_optimization": {"stage": stage}}),
    )


def script(text: str) -> Script:
    """A script that loads a model, with this after it."""
    loads = 'model = AutoModelForCausalLM.from_pretrained("m")\n'
    return Script(Path("train.py"), ast.parse(loads + textwrap.dedent(text)))


COMPARED = script("""
    embedding_size = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > embedding_size:
        model.resize_token_embeddings(len(tokenizer))
""")
NAMED = script("""
    table = model.get_input_embeddings()
    if len(tokenizer) != table.weight.size(0):
        model.resize_token_embeddings(len(tokenizer))
""")
GATHERED = script("""
    embeddings = model.get_input_embeddings()
    with deepspeed.zero.GatheredParameters(embeddings.weight, modifier_rank=None):
        embedding_size = embeddings.weight.shape[0]
    if len(tokenizer) > embedding_size:
        model.resize_token_embeddings(len(tokenizer))
""")
ASKED = script("""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    rows = features.weight.shape[0] + batch["input_ids"].shape[0]
""")
PRINTED = script("print(model.get_input_embeddings().weight.shape[0])")
ACCELERATE = Recipe(format="transformers", hardware=Hardware(deepspeed={"zero_stage": 3}))


class TestEmbeddingSizeUnderZero3(CheckCases):
    """Scripts that resize an embedding."""

    check = embedding_size_under_zero3
    faulty = {
        "compared": (zero(3), COMPARED),
        "through a name": (zero(3), NAMED),
        "by accelerate": (ACCELERATE, COMPARED),
    }
    nearly = {
        "stage 2": (zero(2), COMPARED),
        "gathered": (zero(3), GATHERED),
        "asked of the module": (zero(3), ASKED),
        "never resized": (zero(3), PRINTED),
    }
    clean = {"no DeepSpeed": (Recipe(format="transformers"), COMPARED)}


def test_the_line_is_told() -> None:
    """It is the one of the reading, not that of the resizing."""
    found = run_check(embedding_size_under_zero3, (zero(3), COMPARED)).findings[0]
    assert "train.py" in str(found.where[0])
    assert "3: model.get_input_embeddings().weight.shape[0]" in str(found.evidence[0])
