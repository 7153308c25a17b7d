"""The table of models: complete, found by name, and its sizes those of the closed form."""

from __future__ import annotations

import pytest

from tunewell.knowledge import models
from tunewell.knowledge.models import KnownModel


def test_every_name_is_there_once() -> None:
    names = [name.casefold() for model in models.table() for name in model.names]
    assert len(names) == len(set(names))
    last = [name.rpartition("/")[2] for name in names]
    assert len(last) == len(set(last))  # so that the last part alone finds one
    assert len(models.table()) >= 30


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-7B", "qwen2.5-7b", " Qwen2.5-7B-Instruct "])
def test_a_model_is_found_with_and_without_its_maker(name: str) -> None:
    found = models.find(name)
    assert found is not None
    assert found.parameters == 7_615_616_512
    assert found.config["hidden_size"] == 3584


def test_an_unknown_name_has_names_alike() -> None:
    assert models.find("Qwen/Qwen2.5-8B") is None
    assert "Qwen/Qwen2.5-7B" in models.alike("Qwen/Qwen2.5-8B")
    assert models.alike("nothing-of-the-kind") == ()


@pytest.mark.slow
@pytest.mark.parametrize("model", models.table(), ids=lambda m: m.names[0])
def test_transformers_builds_a_model_of_that_size(model: KnownModel) -> None:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    config = dict(model.config)
    kind = config.pop("model_type")
    language = {"qwen2", "qwen3", "llama", "mistral", "mixtral", "gemma2", "gemma3_text", "phi3"}
    build = AutoModelForCausalLM if kind in language else AutoModel
    with torch.device("meta"):
        built = build.from_config(AutoConfig.for_model(kind, **config))
    assert sum(parameter.numel() for parameter in built.parameters()) == model.parameters
