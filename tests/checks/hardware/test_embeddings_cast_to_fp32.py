"""HW054 embeddings-cast-to-fp32, with PEFT's own cast."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tunewell.checks.hardware.embeddings_cast_to_fp32 import embeddings_cast_to_fp32
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Hardware, Recipe
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check

PREPARED = Script(Path("train.py"), ast.parse("model = prepare_model_for_kbit_training(model)"))
PLAIN = Script(Path("train.py"), ast.parse("model = get_peft_model(model, config)"))
PACKED = Recipe(
    task="sft",
    method="qlora",
    adapter=Adapter(),
    format="transformers",
    hardware=Hardware(load_in_4bit=True),
)


def llama(vocabulary: int, hidden: int = 4096, layers: int = 32) -> Checkpoint:
    """A Llama of this width with an embedding and a head of its own."""
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 32,
        "vocab_size": vocabulary,
    }
    tensors = {
        "model.embed_tokens.weight": (vocabulary, hidden),
        "lm_head.weight": (vocabulary, hidden),
    }
    for layer in range(layers):
        tensors[f"model.layers.{layer}.mlp.weight"] = (hidden * 13, hidden)
    return Checkpoint(Path("model"), config, tensors)


class TestEmbeddingsCastToFp32(CheckCases):
    """Llamas with a large and a small vocabulary, packed in four bits."""

    check = embeddings_cast_to_fp32
    faulty = {"128,256 words": (PACKED, llama(128_256), PREPARED)}
    nearly = {
        "a small model": (PACKED, llama(32_000, 768, 12), PREPARED),
        "32,000 words of a wide model": (PACKED, llama(32_000, 8192, 80), PREPARED),
        "not called": (PACKED, llama(128_256), PLAIN),
        "not packed": (
            dataclasses.replace(PACKED, hardware=Hardware()),
            llama(128_256),
            PREPARED,
        ),
    }
    clean = {"16-bit LoRA": (Recipe(task="sft", method="lora"), llama(128_256), PLAIN)}


@pytest.mark.reproduces("P08")
def test_peft_casts_what_is_said() -> None:
    """Everything that is not packed has twice the bytes after it, and the layers have not."""
    pytest.importorskip("torch", reason="needs the training extra")
    import torch
    from peft import prepare_model_for_kbit_training
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=640, hidden_size=32, intermediate_size=64, num_hidden_layers=2)
    ).to(torch.bfloat16)
    # PEFT knows packed weights by the name of their class.
    kind = type("Params4bit", (torch.nn.Parameter,), {})
    for layer in model.model.layers:
        for module in layer.modules():
            if isinstance(module, torch.nn.Linear):
                packed = torch.zeros(module.weight.numel() // 2, 1, dtype=torch.uint8)
                module.weight = kind(packed, requires_grad=False)
    model.is_loaded_in_4bit = True
    before = sizes(model)
    prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    assert sizes(model) == (before[0], 2 * before[1])
    found = run_check(embeddings_cast_to_fp32, (PACKED, llama(128_256), PREPARED)).findings[0]
    assert "1,051 million values" in found.message
    assert "2.0 GiB more" in found.message


def sizes(model: Any) -> tuple[int, int]:  # noqa: ANN401  torch is loaded at run time
    """Bytes of the packed weights, and of the others."""
    packed = [p for p in model.parameters() if type(p).__name__ == "Params4bit"]
    rest = [p for p in model.parameters() if type(p).__name__ != "Params4bit"]
    return sum(p.nbytes for p in packed), sum(p.nbytes for p in rest)
