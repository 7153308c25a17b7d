"""The table of families, held against the models that transformers makes."""

from __future__ import annotations

from typing import Any

import pytest

from tunewell.facts.model_family import named_size
from tunewell.knowledge.families import of_name, of_template, of_type, table

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 64}
FULL = {**SMALL, "intermediate_size": 48}
LLAMA = {**FULL, "num_key_value_heads": 2, "head_dim": 16}
CONFIGS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("llama", "mistral", "ministral", "qwen2", "qwen3"), LLAMA),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), LLAMA),
    "phi3": {**LLAMA, "pad_token_id": 0},
    "gpt2": {"n_embd": 32, "n_layer": 1, "n_head": 2, "vocab_size": 64},
    "gpt_neox": FULL,
    "opt": {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "falcon": SMALL,
    "bloom": {"hidden_size": 32, "n_layer": 1, "n_head": 2, "vocab_size": 64},
    "bert": FULL,
    "roberta": FULL,
    "xlm-roberta": FULL,
    "electra": {**FULL, "embedding_size": 16},
    "camembert": FULL,
    "distilbert": {"dim": 32, "hidden_dim": 48, "n_layers": 1, "n_heads": 2, "vocab_size": 64},
    "deberta-v2": FULL,
    "t5": {"d_model": 32, "d_ff": 48, "d_kv": 16, "num_layers": 1, "num_heads": 2},
}
ONLY_GATED = {"wi_0", "wi_1"}
"""Layers of the T5 with a gate, which the plain one does not have."""


def test_every_type_is_tested() -> None:
    assert set(CONFIGS) == {name for family in table() for name in family.types}


@pytest.mark.parametrize("model_type", CONFIGS)
def test_the_linear_layers_are_those_of_the_real_model(model_type: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModel
    from transformers.pytorch_utils import Conv1D

    config = AutoConfig.for_model(model_type, **CONFIGS[model_type])
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
    }
    family = of_type(model_type)
    assert family is not None
    # Electra alone widens its embeddings.
    assert linear - {"embeddings_project"} == set(family.linear) - ONLY_GATED


@pytest.mark.parametrize(
    ("name", "family", "size"),
    [
        ("Qwen/Qwen3.5-27B", "qwen", 27_000_000_000),
        ("mistralai/Mixtral-8x7B-v0.1", "mistral", 56_000_000_000),
        ("Qwen/Qwen3-30B-A3B", "qwen", 30_000_000_000),
        ("HuggingFaceTB/SmolLM2-135M", None, 135_000_000),
        ("NousResearch/Llama-2-7b-hf", "llama", 7_000_000_000),
        ("stabilityai/stablelm-2-1_6b", None, 1_600_000_000),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen", 7_000_000_000),
        ("microsoft/Phi-3-mini-4k-instruct", "phi", None),
        ("FacebookAI/roberta-base", "bert", None),
        ("distilbert/distilbert-base-uncased", "distilbert", None),
        ("./my-model", None, None),
    ],
)
def test_a_name_shows_family_and_size(name: str, family: str | None, size: int | None) -> None:
    found = of_name(name)
    assert (found.name if found is not None else None) == family
    assert named_size(name) == size


def test_a_template_has_its_family() -> None:
    assert [family.name for family in of_template("gemma3")] == ["gemma"]
    assert not of_template("alpaca")
