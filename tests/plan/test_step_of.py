"""The step that a recipe describes, above all in which precision it loads and computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tunewell.plan.simulated import NotSimulated
from tunewell.plan.step import Device, LowRank, Precision, Step
from tunewell.plan.step_of import Described, Rows, optimizer_of, step_of, usual_task
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import (
    Adapter,
    Generation,
    Hardware,
    Place,
    Preparation,
    Recipe,
    Saving,
    Written,
)

LLAMA: dict[str, Any] = {"model_type": "llama", "hidden_size": 64, "dtype": "bfloat16"}
BERT: dict[str, Any] = {"model_type": "bert", "id2label": {"0": "a", "1": "b", "2": "c"}}
LORA = Adapter(r=16, target_modules=("q_proj", "v_proj"))


def described(
    recipe: Recipe,
    config: dict[str, Any] = LLAMA,
    *,
    trl: tuple[int, ...] | None = None,
    precision: tuple[Precision, Precision | None] | None = None,
) -> Described:
    found = step_of(
        recipe,
        Checkpoint(Path("m"), config),
        Rows(128),
        Device(),
        trl=trl,
        precision=precision,
    )
    assert isinstance(found, Described)
    return found


def step(
    recipe: Recipe,
    config: dict[str, Any] = LLAMA,
    *,
    trl: tuple[int, ...] | None = None,
    precision: tuple[Precision, Precision | None] | None = None,
) -> Step:
    return described(recipe, config, trl=trl, precision=precision).step


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        # transformers 5 loads what the files hold; bf16 switches autocast on over it.
        (Recipe(task="sft", format="transformers", precision="bf16"), ("bf16", "bf16")),
        (Recipe(task="sft", format="transformers"), ("bf16", None)),
        (
            Recipe(
                task="sft", format="transformers", precision="fp16",
                hardware=Hardware(dtype="float32"),
            ),
            ("fp32", "fp16"),
        ),
        # TRL gives float32 to a model that it loads by its name.
        (Recipe(task="sft", format="trl", precision="bf16"), ("fp32", "bf16")),
        (Recipe(format="tunewell", precision="bf16"), ("fp32", "bf16")),
        (Recipe(task="sft", format="axolotl", precision="bf16"), ("bf16", "bf16")),
        (
            Recipe(task="sft", format="axolotl", hardware=Hardware(dtype="bfloat16")),
            ("bf16", None),
        ),
        (Recipe(task="sft", format="llamafactory", precision="bf16"), ("fp32", "bf16")),
        (
            Recipe(
                task="sft", format="llamafactory", precision="bf16", method="lora", adapter=LORA
            ),
            ("bf16", "bf16"),
        ),
        (Recipe(task="sft", format="torchtune", precision="bf16"), ("bf16", None)),
        (
            Recipe(
                task="sft", format="transformers", precision="fp16", method="qlora", adapter=LORA,
                hardware=Hardware(load_in_4bit=True),
            ),
            ("fp16", "fp16"),
        ),
    ],
)  # fmt: skip
def test_weights_and_autocast(recipe: Recipe, expected: tuple[str, str | None]) -> None:
    found = step(recipe)
    assert (found.weights, found.autocast) == expected


def test_what_nobody_says_of_the_precision_is_assumed_and_told() -> None:
    found = described(Recipe(task="sft", format="transformers"), {"model_type": "llama"})
    assert found.step.weights == "fp32"
    assert any("precision" in sentence for sentence in found.assumptions)


def test_the_flags_precision_goes_before_the_recipe() -> None:
    recipe = Recipe(task="sft", format="axolotl", precision="bf16")
    assert step(recipe, precision=("fp16", None)).weights == "fp16"


def test_an_adapter_and_four_bits() -> None:
    recipe = Recipe(
        task="sft",
        format="transformers",
        method="qlora",
        adapter=Adapter(r=4, target_modules="all-linear", use_dora=True, lora_dropout=0.1),
        hardware=Hardware(load_in_4bit=True),
        written=(Written("BitsAndBytesConfig", "bnb_4bit_use_double_quant", True, Place()),),
    )
    found = step(recipe)
    assert found.adapter == LowRank(rank=4, targets=("all-linear",), dropout=0.1, dora=True)
    assert (found.quantization, found.double_quantization) == ("nf4", True)
    eight = step(Recipe(task="sft", hardware=Hardware(load_in_8bit=True)))
    assert eight.quantization == "int8"


@pytest.mark.parametrize(
    ("task", "config", "expected"),
    [
        ("text-classification", BERT, "text-classification"),
        ("token-classification", BERT, "token-classification"),
        ("sft", LLAMA, "causal-lm"),
        ("dpo", LLAMA, "dpo"),
        ("pretraining", BERT, "masked-lm"),
        ("pretraining", LLAMA, "causal-lm"),
        ("seq2seq", {"model_type": "t5"}, "seq2seq-lm"),
        ("seq2seq", {"model_type": "whisper"}, "speech-seq2seq"),
        ("embedding", BERT, "embedding"),
        ("unknown", LLAMA, "causal-lm"),
        ("unknown", {"model_type": "bart"}, "seq2seq-lm"),
    ],
)
def test_tasks(task: str, config: dict[str, Any], expected: str) -> None:
    assert step(Recipe(task=task), config).task == expected


def test_a_reward_model_scores_two_texts_of_a_row_by_one_number() -> None:
    found = step(Recipe(task="reward", per_device_train_batch_size=4), LLAMA)
    assert (found.batch, found.labels) == (8, 1)
    assert step(Recipe(), BERT).labels == 3


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(task="grpo"),
        Recipe(task="sft", method="freeze"),
        Recipe(task="sft", method="lora", adapter=Adapter(kind="prefix_tuning")),
    ],
)
def test_what_is_not_simulated_is_said(recipe: Recipe) -> None:
    found = step_of(recipe, Checkpoint(Path("m"), LLAMA), Rows(8), Device())
    assert isinstance(found, NotSimulated)
    assert "not simulated" in found.reason


def test_a_config_of_no_type_is_not_simulated() -> None:
    found = step_of(Recipe(), Checkpoint(Path("m"), {"hidden_size": 8}), Rows(8), Device())
    assert isinstance(found, NotSimulated)
    assert "model_type" in found.reason


def test_packed_rows_are_full_and_hold_no_padding() -> None:
    recipe = Recipe(task="sft", max_length=2048, preparation=Preparation(packing=True))
    found = step_of(recipe, Checkpoint(Path("m"), LLAMA), Rows(100, padded=True), Device())
    assert isinstance(found, Described)
    assert (found.step.length, found.step.padded) == (2048, False)


def test_evaluation_and_generation_are_phases_of_their_own() -> None:
    recipe = Recipe(
        task="seq2seq",
        saving=Saving(eval_strategy="epoch", per_device_eval_batch_size=32),
        generation=Generation(predict_with_generate=True, max_new_tokens=64),
    )
    found = step(recipe, {"model_type": "t5"})
    assert (found.evaluation_batch, found.generation_tokens) == (32, 64)
    assert step(Recipe(task="sft")).evaluation_batch is None


def test_trl_computes_the_loss_in_chunks_and_says_for_which_version() -> None:
    recipe = Recipe(task="sft", format="trl")
    assert step(recipe, trl=(1, 16)).loss == "chunked"
    assert described(recipe, trl=(1, 16)).assumptions == ()
    assert step(recipe, trl=(0, 20)).loss == "full"
    assert "TRL" in described(recipe, trl=None).assumptions[0]
    assert step(Recipe(task="sft", format="transformers")).loss == "full"
    liger = (Written("TrainingArguments", "use_liger_kernel", True, Place()),)
    assert step(Recipe(task="sft", format="transformers", written=liger)).loss == "chunked"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adamw", "adamw_torch"),
        ("torch.optim.AdamW", "adamw_torch"),
        ("bitsandbytes.optim.PagedAdamW8bit", "paged_adamw_8bit"),
        ("adamw_torch_fused", "adamw_torch_fused"),
        ("adafactor", "adafactor"),
    ],
)
def test_optimizers_by_their_name_in_the_arguments(name: str, expected: str) -> None:
    assert optimizer_of(name) == expected


def test_attention_that_is_not_simulated_is_told() -> None:
    recipe = Recipe(task="sft", hardware=Hardware(attn_implementation="flex_attention"))
    found = described(recipe)
    assert found.step.attention == "sdpa"
    assert "flex_attention" in " ".join(found.assumptions)
    flash = Recipe(task="sft", hardware=Hardware(attn_implementation="flash_attention_2"))
    assert step(flash).attention == "flash"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BERT, "text-classification"),
        ({"model_type": "bert", "architectures": ["BertForTokenClassification"]},
         "token-classification"),
        (LLAMA, "sft"),
        ({"model_type": "vit"}, "image-classification"),
        ({"model_type": "whisper"}, "speech-seq2seq"),
        ({"model_type": "t5"}, "seq2seq"),
    ],
)  # fmt: skip
def test_what_a_model_is_mostly_fine_tuned_for(config: dict[str, Any], expected: str) -> None:
    assert usual_task(config) == expected
