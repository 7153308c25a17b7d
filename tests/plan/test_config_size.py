"""Shapes from config.json alone, against what transformers builds of it."""

from __future__ import annotations

import pytest

from tunewell.knowledge import models
from tunewell.knowledge.models import KnownModel
from tunewell.plan.config_size import size_of_config

WITHOUT_HEAD = frozenset(
    {"gpt2", "bert", "roberta", "xlm-roberta", "distilbert", "deberta-v2", "modernbert", "vit"}
    | {"t5", "bart", "whisper"}
)


@pytest.mark.parametrize("model", models.table(), ids=lambda m: m.names[0])
def test_parameters_are_within_one_per_cent(model: KnownModel) -> None:
    task = "embedding" if model.config["model_type"] in WITHOUT_HEAD else "sft"
    size = size_of_config(model.config, task=task)
    assert size is not None
    assert size.parameters == pytest.approx(model.parameters, rel=0.01)
    assert size.block_parameters < size.parameters


def test_an_adapter_has_the_sides_of_the_matrices_that_it_is_put_on() -> None:
    """Rank 16 on q_proj and v_proj of Qwen2.5-0.5B is 1,081,344 parameters, as PEFT counts."""
    found = models.find("Qwen2.5-0.5B")
    assert found is not None
    size = size_of_config(found.config, task="sft")
    assert size is not None
    assert 16 * (size.sides["q_proj"] + size.sides["v_proj"]) == 1_081_344
    assert size.block_sides == sum(size.sides.values())


def test_experts_take_no_adapter_and_a_language_model_that_sees_counts_as_its_text_part() -> None:
    found = models.find("Mixtral-8x7B-v0.1")
    assert found is not None
    size = size_of_config(found.config, task="sft")
    assert size is not None
    assert "experts" not in size.sides
    seeing = {"model_type": "gemma3", "text_config": found.config, "vision_config": {}}
    assert size_of_config(seeing, task="sft") == size


def test_a_config_without_sizes_has_none() -> None:
    assert size_of_config({"model_type": "llama", "hidden_size": 64}) is None
    assert size_of_config({}) is None
