"""HW056 masked-rows-give-nan, and what this PyTorch makes of such rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.checks.hardware.gpus import BERT, SEVEN

from tunewell.checks.hardware.masked_rows_give_nan import masked_rows_give_nan
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.subjects.versions import Versions
from tunewell.testing import CheckCases

OLD = Versions({"torch": "2.3.1", "transformers": "4.42.0"})
NEW = Versions({"torch": "2.13.0+cpu", "transformers": "5.23.0"})
HALF = Recipe(precision="bf16", format="transformers")


class TestMaskedRowsGiveNan(CheckCases):
    """BERT in bf16."""

    check = masked_rows_give_nan
    faulty = {
        "torch 2.3": (HALF, BERT, OLD),
        "asked for": (
            dataclasses.replace(HALF, hardware=Hardware(attn_implementation="sdpa")),
            BERT,
            OLD,
        ),
    }
    nearly = {
        "torch 2.5": (HALF, BERT, Versions({"torch": "2.5.0", "transformers": "4.46.0"})),
        "not fused yet": (HALF, BERT, Versions({"torch": "2.3.1", "transformers": "4.41.2"})),
        "eager": (
            dataclasses.replace(HALF, hardware=Hardware(attn_implementation="eager")),
            BERT,
            OLD,
        ),
        "one row a batch": (dataclasses.replace(HALF, per_device_train_batch_size=1), BERT, OLD),
        "a decoder": (HALF, SEVEN, OLD),
        "fp32": (Recipe(format="transformers"), BERT, OLD),
        "versions not known": (HALF, BERT, Versions()),
    }
    clean = {"what is installed here": (HALF, BERT, NEW)}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_this_pytorch_gives_none(attention: str, dtype: str) -> None:
    """A row that is all padding, and padding on the left: losses and gradients are finite."""
    torch = pytest.importorskip("torch", reason="needs the training extra")
    import transformers

    size: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "attn_implementation": attention,
    }
    ids = torch.randint(5, 60, (2, 6))
    for classify in (True, False):
        if classify:
            model = transformers.BertForSequenceClassification(transformers.BertConfig(**size))
            labels = torch.tensor([0, 1])
        else:
            config = transformers.LlamaConfig(**size, num_key_value_heads=2)
            model, labels = transformers.LlamaForCausalLM(config), ids
        model = model.to(getattr(torch, dtype))
        for masked in (slice(None), slice(0, 3)):
            attended = torch.ones(2, 6, dtype=torch.long)
            attended[1, masked] = 0
            model.zero_grad()
            loss = model(input_ids=ids, attention_mask=attended, labels=labels).loss
            loss.backward()
            assert torch.isfinite(loss)
            grads = [p.grad for p in model.parameters() if p.grad is not None]
            assert all(bool(torch.isfinite(g).all()) for g in grads)
