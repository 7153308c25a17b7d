"""HYP001 learning-rate-outside-range."""

from pathlib import Path

import pytest

from tunewell.checks.hyperparameters.learning_rate_outside_range import learning_rate_outside_range
from tunewell.core.finding import SetKey, Table
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

SMALL = Checkpoint(Path("minilm"), {"model_type": "bert"}, {"w": (22_700_000,)})
BASE = Checkpoint(Path("bert-base"), {"model_type": "bert"}, {"w": (109_482_240,)})
LARGE = Checkpoint(Path("deberta-large"), {"model_type": "deberta"}, {"w": (405_000_000,)})


class TestLearningRateOutsideRange(CheckCases):
    """Planted, nearly faulty and clean rates."""

    check = learning_rate_outside_range
    faulty = {
        "a preference-tuning rate on an encoder": (Recipe(learning_rate=1e-6), SMALL),
        "the same, size unknown": (Recipe(learning_rate=1e-6),),
        "a pre-training rate on an encoder": (Recipe(learning_rate=3e-3), BASE),
        "a full fine-tuning rate with LoRA": (
            Recipe(task="sft", method="lora", learning_rate=1e-5),
        ),
        "a LoRA rate for preference tuning": (Recipe(task="dpo", learning_rate=2e-4),),
        "zero": (Recipe(learning_rate=0.0),),
        "full fine-tuning of a 27B at a LoRA rate": (
            Recipe(task="sft", model="Qwen/Qwen3.5-27B", learning_rate=2e-4),
        ),
        "TRL's default with LoRA, chosen by nobody": (
            Recipe(
                task="sft",
                method="lora",
                learning_rate=2e-5,
                given=frozenset({"adapter", "num_train_epochs"}),
            ),
        ),
        "a rate for Gemma on a Llama": (
            Recipe(task="sft", method="lora", model="Llama-3.1-8B", learning_rate=2e-5),
        ),
        "reinforcement learning at a rate for supervised tuning": (
            Recipe(task="grpo", learning_rate=2e-4),
        ),
        "KTO at a LoRA rate": (Recipe(task="kto", learning_rate=2e-4),),
        "a reward model at a rate for DPO": (Recipe(task="reward", learning_rate=5e-7),),
        "a tagger at a rate for preference tuning": (
            Recipe(task="token-classification", learning_rate=1e-6),
        ),
    }
    nearly = {
        "torchtune's LoRA rate for Mistral": (
            Recipe(task="sft", method="lora", learning_rate=2e-5),
        ),
        "four times below": (Recipe(learning_rate=2.6e-6), BASE),
        "a rate for large encoders, size unknown": (Recipe(learning_rate=5e-6),),
        "torchtune's LoRA rate for Gemma, by the name of the model": (
            Recipe(task="sft", method="lora", model="google/gemma-2-9b", learning_rate=2e-5),
        ),
        "a large model at the highest rate of an example": (
            Recipe(task="sft", model="Qwen/Qwen3-30B-A3B", learning_rate=1e-4),
        ),
        "a small model at the rate of SmolLM2": (
            Recipe(task="sft", model="HuggingFaceTB/SmolLM2-135M", learning_rate=1e-3),
        ),
        "an optimizer whose rates mean something else": (
            Recipe(task="sft", learning_rate=1e-2, optim="muon"),
        ),
    }
    clean = {
        "the default": (Recipe(),),
        "the usual rate": (Recipe(learning_rate=2e-5), BASE),
        "unknown task": (Recipe(task="image-classification", learning_rate=1.0),),
    }


PUBLISHED = [
    *[("text-classification", "full", rate, BASE) for rate in (2e-5, 3e-5, 5e-5, 1e-5, 1e-4)],
    *[("text-classification", "full", rate, SMALL) for rate in (3e-5, 5e-5, 1e-4, 3e-4, 2e-5)],
    *[("text-classification", "full", rate, LARGE) for rate in (5e-6, 8e-6, 1e-5, 2e-5, 5e-5)],
    *[("text-classification", "full", rate, None) for rate in (5e-6, 1e-5, 5e-5, 3e-4)],
    *[("text-classification", "lora", rate, None) for rate in (6e-5, 1e-4, 4e-4, 1e-3)],
    *[("sft", "full", rate, None) for rate in (5e-6, 1e-5, 2e-5, 5e-5)],
    *[("sft", "lora", rate, None) for rate in (2e-5, 1e-4, 2e-4, 3e-4, 4.9e-4, 2e-3)],
    *[("sft", "qlora", rate, None) for rate in (1e-4, 2e-4, 3e-4)],
    *[("dpo", "full", rate, None) for rate in (5e-7, 1e-6, 1e-5)],
    *[("dpo", "lora", rate, None) for rate in (5e-6, 1e-5, 2e-4, 5e-4)],
    *[("kto", "full", rate, None) for rate in (5e-7, 1e-6, 5e-6)],
    *[("grpo", "full", rate, None) for rate in (1e-6, 1e-5)],
    *[("grpo", "lora", rate, None) for rate in (1e-6, 5e-6, 1e-5, 4e-5)],
    *[("reward", "full", rate, None) for rate in (1e-5, 2e-5, 1e-4)],
    *[("reward", "lora", rate, None) for rate in (1e-4, 2e-4)],
]


@pytest.mark.parametrize(("task", "method", "rate", "checkpoint"), PUBLISHED)
def test_published_rates_are_quiet(
    task: str, method: str, rate: float, checkpoint: Checkpoint | None
) -> None:
    """No value that a source uses is reported."""
    recipe = Recipe(task=task, method=method, learning_rate=rate)
    subjects = (recipe,) if checkpoint is None else (recipe, checkpoint)
    assert not run_check(learning_rate_outside_range, subjects).findings


def test_size_of_the_model_chooses_the_fix() -> None:
    """A small encoder is sent to a larger rate than a base one."""
    fixes = []
    for checkpoint in (SMALL, BASE):
        found = run_check(
            learning_rate_outside_range, (Recipe(learning_rate=1e-7), checkpoint)
        ).findings
        edit = found[0].fixes[0].edits[0]
        assert isinstance(edit, SetKey)
        fixes.append(edit.new)
    assert fixes == [1e-4, 2e-5]


def test_message_names_the_range_and_how_far() -> None:
    """The sentence has the range and the distance from it."""
    found = run_check(learning_rate_outside_range, (Recipe(learning_rate=1e-6), SMALL)).findings
    assert "30 times below" in found[0].message
    assert "3e-05 to 0.0003" in found[0].message


def test_the_formula_is_shown_where_it_holds() -> None:
    """With the model at hand, for Llama and Qwen alone."""
    recipe = Recipe(task="sft", method="lora", learning_rate=1e-6)
    shown = []
    for model_type in ("llama", "gemma2"):
        config = {"model_type": model_type, "hidden_size": 4096}
        checkpoint = Checkpoint(Path("model"), config, {"w": (8_000_000_000,)})
        finding = run_check(learning_rate_outside_range, (recipe, checkpoint)).findings[0]
        table = finding.evidence[1]
        assert isinstance(table, Table)
        shown.append([row[1] for row in table.rows if "formula" in str(row[0])])
    assert shown == [["0.00029"], []]
