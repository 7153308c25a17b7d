"""HW050 eager-attention, with the classes of transformers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.checks.hardware.gpus import SEVEN

from tunewell.checks.hardware.eager_attention import eager_attention
from tunewell.facts.fused_attention import FUSED
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.subjects.tokenization import Tokenization
from tunewell.testing import CheckCases

LONG = dataclasses.replace(SEVEN, max_length=None)
T5 = dataclasses.replace(LONG, config={**LONG.config, "model_type": "gemma2"})


def recipe(attention: str | None = "eager", *written: Written, **more: Any) -> Recipe:  # noqa: ANN401
    """A recipe with this attention and rows of 2,048 tokens."""
    return Recipe(
        **{
            "task": "sft",
            "max_length": 2048,
            "format": "transformers",
            "hardware": Hardware(attn_implementation=attention),
            "written": written,
            **more,
        }
    )


SHORT = Tokenization("train", np.array([40, 90, 60]), None, None)
ASKED = Written("from_pretrained", "output_attentions", value=True, place=Place())


class TestEagerAttention(CheckCases):
    """A Llama of 7 thousand million values."""

    check = eager_attention
    faulty = {"eager on long rows": (recipe(), LONG)}
    nearly = {
        "short rows": (recipe(), LONG, SHORT),
        "its weights are asked for": (recipe("eager", ASKED), LONG),
        "the makers ask for it": (recipe(), T5),
        "sdpa": (recipe("sdpa"), LONG),
    }
    clean = {"the default": (recipe(None), LONG)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(FUSED))
def test_the_classes_have_a_kernel(kind: str) -> None:
    """As transformers says of each of them."""
    transformers = pytest.importorskip("transformers", reason="needs the training extra")
    config = transformers.AutoConfig.for_model(kind)
    known = transformers.AutoModel._model_mapping
    model: Any = known[type(config)]
    assert model._supports_sdpa
