"""HYP012 adapter-target-not-found."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.adapter_target_not_found import adapter_target_not_found
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import CheckCases, run_check

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
TENSORS = {
    "model.embed_tokens.weight": (64, 32),
    **{f"model.layers.0.self_attn.{name}.weight": (32, 32) for name in ATTENTION},
    "lm_head.weight": (64, 32),
}
LLAMA = Checkpoint(Path("llama"), {"model_type": "llama"}, TENSORS)
PICKLED = Checkpoint(Path("llama"), {"model_type": "llama"})


def targets(*names: str, model: str | None = None, **settings: Any) -> Recipe:  # noqa: ANN401
    adapter = Adapter(target_modules=names)
    return Recipe(task="sft", method="lora", model=model, adapter=adapter, **settings)


class TestAdapterTargetNotFound(CheckCases):
    """By the weights, by config.json, and by the name of the model."""

    check = adapter_target_not_found
    faulty = {
        "one of several misspelt": (targets("q_proj", "w1_typo"), LLAMA),
        "a misspelling with a near name": (targets("q_proj", "v_porj"), LLAMA),
        "names of another architecture": (targets("query_key_value"), LLAMA),
        "the weights are pickled": (targets("q_proj", "w1_typo"), PICKLED),
        "only the name is known": (targets("query_key_value", model="meta-llama/Llama-3-8B"),),
        "only the name, misspelt": (targets("q_proj", "v_porj", model="meta-llama/Llama-3-8B"),),
    }
    nearly = {
        "a whole path": (targets("model.layers.0.self_attn.q_proj"), LLAMA),
        "the head": (targets("q_proj", "lm_head"), PICKLED),
        "a module that holds others": (targets("self_attn"), LLAMA),
        "a layer that newer models of the family have": (
            targets("q_proj", "in_proj_qkvz", model="Qwen/Qwen3-Next-80B"),
        ),
        "a program with layers of its own": (targets("output_proj", format="torchtune"), LLAMA),
        "a relative whose layers are not known": (
            targets("q_proj", "w1"),
            Checkpoint(Path("m"), {"model_type": "mixtral"}),
        ),
    }
    clean = {
        "as they are": (targets(*ATTENTION), LLAMA),
        "all linear": (targets("all-linear"), LLAMA),
        "left to PEFT": (Recipe(task="sft", method="lora", adapter=Adapter()), LLAMA),
        "no adapter": (Recipe(task="sft"), LLAMA),
        "nothing is known of the model": (targets("q_proj"),),
    }


def test_peft_accepts_one_misspelt_name_without_a_word() -> None:
    """And the adapter is on the other alone."""
    adapted = tiny.lora(tiny.causal(), target_modules=["q_proj", "w1_typo"])
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert trained
    assert all(".q_proj." in name for name in trained)
    found = run_check(adapter_target_not_found, (targets("q_proj", "w1_typo"), LLAMA)).findings[0]
    assert found.severity is Severity.WARNING
    assert "other 1 of 2" in found.message


def test_peft_refuses_when_none_is_there() -> None:
    """Which is an error here."""
    with pytest.raises(ValueError, match="not found in the base model"):
        tiny.lora(tiny.causal(), target_modules=["query_key_value"])
    found = run_check(adapter_target_not_found, (targets("query_key_value"), LLAMA)).findings[0]
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.HIGH)


def test_the_real_headers_of_a_real_checkpoint(tmp_path: Path) -> None:
    """What PEFT finds in the model, the check finds in its files."""
    from tunewell.readers.checkpoint import read_checkpoint

    tiny.causal().save_pretrained(str(tmp_path))
    saved = read_checkpoint(tmp_path)
    names = ("q_proj", "gate_proj", "down_proj", "lm_head")
    tiny.lora(tiny.causal(), target_modules=list(names))
    assert not run_check(adapter_target_not_found, (targets(*names), saved)).findings
    assert run_check(adapter_target_not_found, (targets("q_proj", "fc1"), saved)).findings


def test_a_foreign_format_gets_advice_only() -> None:
    """Its words for layers are its own."""
    recipe = targets("q_proj", "v_porj", format="axolotl")
    fix = run_check(adapter_target_not_found, (recipe, LLAMA)).findings[0].fixes[0]
    assert not fix.edits
    assert fix.title == "target q_proj, v_proj"
