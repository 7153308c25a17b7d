"""HW057 image-placeholders-cut, with a tiny LLaVA."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tunewell.checks.hardware.image_placeholders_cut import (
    image_placeholders_cut,
    tokens_of_an_image,
)
from tunewell.core.finding import Severity
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, rows, run_check


def model(kind: str, **config: Any) -> Checkpoint:  # noqa: ANN401  settings have every type
    """A vision model of this kind."""
    return Checkpoint(Path("model"), {"model_type": kind, **config})


LLAVA = model("llava", vision_config={"image_size": 336, "patch_size": 14})
GEMMA = model("gemma3", mm_tokens_per_image=256)
QWEN = model("qwen2_vl")
CUT = Recipe(task="sft", format="trl", max_length=1024)
WHOLE = dataclasses.replace(CUT, max_length=None)


def asks(text: str, *images: str) -> dict[str, Any]:
    """A conversation with images beside it."""
    turns = [{"role": "user", "content": text}, {"role": "assistant", "content": "A cat."}]
    return {"messages": turns, "images": list(images)}


ONE = rows([asks("What is this?", "a.png"), asks("And this?", "b.png")])
TWO = rows([asks("What is this?", "a.png"), asks("Which is larger?", "a.png", "b.png")])
NONE = rows([{"messages": asks("Hi")["messages"]}, {"messages": asks("Hello")["messages"]}])


class TestImagePlaceholdersCut(CheckCases):
    """One and two images in a row, cut at 1,024 tokens."""

    check = image_placeholders_cut
    faulty = {
        "two images of 576 tokens": (CUT, TWO, LLAVA),
        "an image whose size decides": (CUT, ONE, QWEN),
    }
    nearly = {
        "one image": (CUT, ONE, LLAVA),
        "two of 256 tokens": (CUT, TWO, GEMMA),
        "not cut": (WHOLE, TWO, LLAVA),
        "no images": (CUT, NONE, LLAVA),
        "another trainer": (dataclasses.replace(CUT, format="axolotl"), TWO, LLAVA),
        "another model": (CUT, TWO, model("idefics3")),
    }
    clean = {"nothing is cut": (WHOLE, ONE, LLAVA)}


def test_the_row_is_told() -> None:
    """The second has two images."""
    found = run_check(image_placeholders_cut, (CUT, TWO, LLAVA)).findings[0]
    assert found.severity is Severity.ERROR
    assert getattr(found.where[0], "index", None) == 1
    assert "2 images of 576 tokens, 1,152 in all" in found.message
    advice = run_check(image_placeholders_cut, (CUT, ONE, QWEN)).findings[0]
    assert advice.severity is Severity.INFO


@pytest.mark.reproduces("D48")
def test_a_llava_refuses_placeholders_that_were_cut() -> None:
    """It wants as many as the configuration says, and raises where one is missing."""
    torch = pytest.importorskip("torch", reason="needs the training extra")
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig
    from transformers import LlavaForConditionalGeneration as Llava

    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        image_size=28, patch_size=14, projection_dim=16,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_id=63)
    each = tokens_of_an_image(config.to_dict())
    assert each == 4
    llava = Llava(config)
    ids = torch.tensor([[5, *[63] * each, 6, 7]])
    pixels = torch.zeros(1, 3, 28, 28)
    assert torch.isfinite(llava(input_ids=ids, pixel_values=pixels, labels=ids).loss)
    with pytest.raises(ValueError, match="Image features and image tokens do not match"):
        llava(input_ids=ids[:, :each], pixel_values=pixels)


def test_the_data_is_what_it_seems() -> None:
    """Images are counted by row."""
    data: Dataset = TWO
    assert [list(counts) for counts in data.train.media.values()] == [[1, 2]]
