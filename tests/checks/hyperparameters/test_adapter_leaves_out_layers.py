"""HYP013 adapter-leaves-out-layers."""

import dataclasses

from tunewell.checks.hyperparameters.adapter_leaves_out_layers import adapter_leaves_out_layers
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import CheckCases, run_check


def targets(*names: str, task: str = "sft", model: str = "meta-llama/Llama-3.1-8B") -> Recipe:
    adapter = Adapter(target_modules=names)
    return Recipe(task=task, method="lora", model=model, adapter=adapter)


class TestAdapterLeavesOutLayers(CheckCases):
    """Attention alone, and everything else."""

    check = adapter_leaves_out_layers
    faulty = {
        "query and value": (targets("q_proj", "v_proj"),),
        "the whole attention": (targets("q_proj", "k_proj", "v_proj", "o_proj"),),
        "a fused one": (targets("query_key_value", model="EleutherAI/pythia-1.4b"),),
    }
    nearly = {
        "one layer of the feed-forward part": (targets("q_proj", "v_proj", "down_proj"),),
        "reinforcement learning": (targets("q_proj", "v_proj", task="grpo"),),
        "a mixture of experts": (targets("q_proj", "v_proj", model="Qwen/Qwen3-30B-A3B"),),
        "an encoder": (targets("query", "value", model="FacebookAI/roberta-base"),),
        "a misspelt one, which has its own finding": (targets("q_proj", "up_porj"),),
        "names that are not the family's": (targets("query_key_value"),),
    }
    clean = {
        "all linear": (targets("all-linear"),),
        "left to PEFT": (Recipe(task="sft", adapter=Adapter(), model="Llama-3-8B"),),
        "no adapter": (Recipe(task="sft", model="Llama-3-8B"),),
        "a model that is not known": (targets("q_proj", model="my-model"),),
    }


def test_it_is_advice() -> None:
    """Never a warning, and no edit in another program's words."""
    recipe = targets("q_proj", "v_proj")
    found = run_check(adapter_leaves_out_layers, (recipe,)).findings[0]
    assert found.severity is Severity.INFO
    foreign = dataclasses.replace(recipe, format="axolotl")
    assert not run_check(adapter_leaves_out_layers, (foreign,)).findings[0].fixes[0].edits
