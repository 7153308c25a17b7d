"""FIT030 classifier-without-pad-token, beside what the model says."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import llama_config

from tunewell.checks.fit.classifier_without_pad_token import (
    LAST_TOKEN,
    classifier_without_pad_token,
)
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Preparation, Recipe, Saving
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check


def model(family: str = "llama", *, pad: int | None = None, **tokens: str) -> Checkpoint:
    """A model's folder with a tokenizer that has such special tokens."""
    config = {"model_type": family, "pad_token_id": pad}
    return Checkpoint(
        Path("model"), config, tokenizer_file=Path("model/tokenizer.json"), special_tokens=tokens
    )


def script(text: str) -> Script:
    """A script of this text."""
    return Script(Path("train.py"), ast.parse(text))


ONE = Recipe(per_device_train_batch_size=1, saving=Saving(per_device_eval_batch_size=1))


class TestClassifierWithoutPadToken(CheckCases):
    """Planted, nearly faulty and clean models."""

    check = classifier_without_pad_token
    faulty = {
        "Llama": (Recipe(), model(eos_token="</s>")),
        "GPT-2": (Recipe(), model("gpt2")),
        "one row to train on, eight to judge": (Recipe(per_device_train_batch_size=1), model()),
        "a script that does not care": (Recipe(), model(), script("Trainer(model).train()")),
    }
    nearly = {
        "one row at a time": (ONE, model()),
        "the tokenizer has one": (Recipe(), model(pad_token="<pad>")),
        "the recipe names one": (
            Recipe(preparation=Preparation(pad_token="<|finetune_right_pad_id|>")),
            model(),
        ),
        "the script sets one": (
            Recipe(),
            model(),
            script("tokenizer.pad_token = tokenizer.eos_token"),
        ),
        "a language model": (Recipe(task="sft"), model()),
        "an encoder": (Recipe(), model("bert")),
        "no tokenizer to ask": (Recipe(), Checkpoint(Path("m"), {"model_type": "llama"})),
    }
    clean = {"the model knows one": (Recipe(), model(pad=0))}


@pytest.mark.parametrize("pad", [None, 0])
def test_the_model_really_refuses_several_rows(pad: int | None) -> None:
    """Two rows without a padding token, and with one."""
    import torch
    from transformers import LlamaForSequenceClassification

    classifier: Any = LlamaForSequenceClassification(llama_config(pad_token_id=pad))
    batch = {"input_ids": torch.arange(3, 11).repeat(2, 1), "labels": torch.tensor([0, 1])}
    if pad is None:
        with pytest.raises(ValueError, match="Cannot handle batch sizes > 1"):
            classifier(**batch)
    else:
        classifier(**batch)
    found = run_check(classifier_without_pad_token, (Recipe(), model(pad=pad))).findings
    assert bool(found) is (pad is None)


@pytest.mark.parametrize("family", sorted(LAST_TOKEN))
def test_the_family_has_no_padding_token_of_its_own(family: str) -> None:
    """Neither by its configuration, nor does it classify without one."""
    import inspect

    import transformers
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    assert CONFIG_MAPPING[family]().pad_token_id is None
    kind = getattr(transformers, CLASSIFIERS[family])
    written = "".join(inspect.getsource(base) for base in (kind, *kind.__bases__[:1]))
    assert "Cannot handle batch sizes > 1" in written
