"""A changed step in the words of each format: the changed file, read again, says it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tunewell.fixes.config_files import edit_text
from tunewell.plan.moves import MOVES, Rewritten, move, possible, rewritten
from tunewell.plan.step import LowRank, Step
from tunewell.readers.recipes import read_config, read_script_recipe
from tunewell.subjects.recipe import Recipe

FILES: dict[str, str] = {
    "axolotl.yaml": """# ours
base_model: Qwen/Qwen2.5-7B
datasets:
  - path: a.jsonl
    type: alpaca
micro_batch_size: 8   # as many as fit
gradient_accumulation_steps: 2
num_epochs: 1
learning_rate: 1e-5
sequence_len: 2048
bf16: true
eager_attention: true
""",
    "factory.yaml": """model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
finetuning_type: full
template: qwen
cutoff_len: 2048
per_device_train_batch_size: 8
gradient_accumulation_steps: 2
learning_rate: 1.0e-5
bf16: true
disable_gradient_checkpointing: true
""",
    "sft.yaml": """model_name_or_path: Qwen/Qwen2.5-7B
dataset_name: some/data
per_device_train_batch_size: 8
gradient_accumulation_steps: 2
learning_rate: 1.0e-5
max_length: 2048
bf16: true
gradient_checkpointing: false
""",
    "arguments.json": """{
  "output_dir": "out",
  "per_device_train_batch_size": 8,
  "gradient_accumulation_steps": 2,
  "learning_rate": 1e-05,
  "num_train_epochs": 1,
  "bf16": true
}
""",
    "train.py": '''"""Ours."""
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B")
args = TrainingArguments(
    output_dir="out",
    per_device_train_batch_size=8,  # as many as fit
    gradient_accumulation_steps=2,
    bf16=True,
)
trainer = Trainer(model=model, args=args)
trainer.train()
''',
}
STEP = Step(
    config={"model_type": "qwen2"},
    batch=8,
    accumulation=2,
    length=2048,
    weights="fp32",
    autocast="bf16",
    optimizer="adamw_torch",
    attention="eager",
    evaluation_batch=8,
)


def read(name: str, text: str, folder: Path) -> Recipe:
    path = folder / name
    path.write_text(text)
    return read_script_recipe(path) if name.endswith(".py") else read_config(path)


def made(name: str, moves: list[str], folder: Path) -> tuple[str, Recipe, Rewritten]:
    """The file after moves, what it says when it is read again, and what was to be done."""
    recipe = read(name, FILES[name], folder)
    after = STEP
    chosen = [move(each) for each in moves]
    for each in chosen:
        after = each.apply(after) or after
    told = rewritten(recipe, STEP, after, chosen)
    assert told is not None
    new = edit_text(FILES[name], Path(name).suffix, told.edits)
    return new, read(f"new_{name}", new, folder), told


@pytest.mark.parametrize("name", FILES)
def test_fewer_rows_at_a_time(name: str, tmp_path: Path) -> None:
    new, recipe, _ = made(name, ["smaller-micro-batch"], tmp_path)
    assert recipe.per_device_train_batch_size == 4
    assert recipe.gradient_accumulation_steps == 4
    lines = zip(FILES[name].splitlines(), new.splitlines(), strict=True)
    assert sum(old != after for old, after in lines) == 2


@pytest.mark.parametrize("name", FILES)
def test_checkpointing(name: str, tmp_path: Path) -> None:
    _, recipe, _ = made(name, ["checkpointing"], tmp_path)
    assert recipe.hardware.gradient_checkpointing


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("each", "optimizer"),
    [
        ("8bit-optimizer", "adamw_bnb_8bit"),
        ("paged-optimizer", "paged_adamw_32bit"),
        ("adafactor", "adafactor"),
        ("fused-optimizer", "adamw_torch_fused"),
    ],
)
def test_another_optimizer(name: str, each: str, optimizer: str, tmp_path: Path) -> None:
    new, recipe, _ = made(name, [each], tmp_path)
    assert recipe.optim == optimizer
    assert optimizer in new or optimizer == read(name, FILES[name], tmp_path).optim


@pytest.mark.parametrize("name", ["axolotl.yaml", "factory.yaml", "sft.yaml"])
def test_adapters(name: str, tmp_path: Path) -> None:
    new, recipe, told = made(name, ["lora"], tmp_path)
    assert recipe.method == "lora"
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.lora_alpha) == (16, 32)
    assert recipe.adapter.target_modules == "all-linear"
    assert any("learning rate" in line for line in told.by_hand)
    assert new.startswith(FILES[name].split("\n", maxsplit=1)[0])


@pytest.mark.parametrize("name", ["axolotl.yaml", "factory.yaml", "sft.yaml"])
def test_adapters_over_four_bits(name: str, tmp_path: Path) -> None:
    _, recipe, _ = made(name, ["qlora"], tmp_path)
    assert recipe.method == "qlora"
    assert recipe.hardware.load_in_4bit


@pytest.mark.parametrize(
    ("name", "key"), [("factory.yaml", "double_quantization"), ("sft.yaml", "use_bnb_nested_quant")]
)
def test_scales_are_quantised_too(name: str, key: str, tmp_path: Path) -> None:
    new, _, _ = made(name, ["qlora", "double-quantization"], tmp_path)
    assert yaml.safe_load(new)[key] is True


@pytest.mark.parametrize("name", ["axolotl.yaml", "factory.yaml", "sft.yaml", "train.py"])
def test_everything_in_bfloat16(name: str, tmp_path: Path) -> None:
    _, recipe, _ = made(name, ["pure-bf16"], tmp_path)
    assert recipe.hardware.dtype == "bfloat16"


@pytest.mark.parametrize("name", ["axolotl.yaml", "factory.yaml", "sft.yaml", "train.py"])
def test_fused_attention(name: str, tmp_path: Path) -> None:
    _, recipe, _ = made(name, ["fused-attention"], tmp_path)
    assert recipe.hardware.attn_implementation == "sdpa"
    _, recipe, _ = made(name, ["flash-attention"], tmp_path)
    assert recipe.hardware.attn_implementation == "flash_attention_2"


def test_axolotl_is_not_left_with_two_kinds_of_attention(tmp_path: Path) -> None:
    new, _, _ = made("axolotl.yaml", ["fused-attention"], tmp_path)
    assert "eager_attention" not in new


@pytest.mark.parametrize(
    ("name", "key"),
    [("axolotl.yaml", "chunked_cross_entropy"), ("factory.yaml", "enable_liger_kernel")],
)
def test_the_loss_in_chunks(name: str, key: str, tmp_path: Path) -> None:
    new, _, _ = made(name, ["chunked-loss"], tmp_path)
    assert yaml.safe_load(new)[key] is True


def test_the_loss_of_a_trainer_of_transformers(tmp_path: Path) -> None:
    new, _, told = made("arguments.json", ["chunked-loss"], tmp_path)
    assert json.loads(new)["use_liger_kernel"] is True
    assert told.by_hand == ("pip install liger-kernel",)
    script, _, _ = made("train.py", ["chunked-loss"], tmp_path)
    assert "    use_liger_kernel=True,\n" in script


def test_a_model_that_no_kernel_knows_keeps_its_logits(tmp_path: Path) -> None:
    unknown = Step(config={"model_type": "gpt2"})
    chunked = move("chunked-loss")
    after = chunked.apply(unknown)
    assert after is not None
    recipe = read("arguments.json", FILES["arguments.json"], tmp_path)
    assert rewritten(recipe, unknown, after) is None
    assert chunked not in possible(recipe, MOVES, unknown)
    trl = read("sft.yaml", FILES["sft.yaml"], tmp_path)
    assert rewritten(trl, unknown, after) is not None


@pytest.mark.parametrize("name", ["arguments.json", "train.py"])
def test_what_no_setting_says_is_told(name: str, tmp_path: Path) -> None:
    _, _, told = made(name, ["qlora"], tmp_path)
    assert any("get_peft_model" in line for line in told.by_hand)
    assert any("load_in_4bit=True" in line and "bfloat16" in line for line in told.by_hand)


@pytest.mark.parametrize("name", FILES)
def test_smaller_evaluation_and_what_a_step_does_not_hold(name: str, tmp_path: Path) -> None:
    moves = ["smaller-evaluation-batch", "expandable-segments"]
    _, recipe, told = made(name, moves, tmp_path)
    assert recipe.saving.per_device_eval_batch_size == 4
    assert told.environment == ("PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",)


@pytest.mark.parametrize("name", ["factory.yaml", "sft.yaml", "arguments.json", "train.py"])
def test_evaluation_without_predictions(name: str, tmp_path: Path) -> None:
    moves = ["loss-only-evaluation", "evaluation-accumulation"]
    _, recipe, _ = made(name, moves, tmp_path)
    assert recipe.saving.prediction_loss_only is True
    assert recipe.saving.eval_accumulation_steps == 8


@pytest.mark.parametrize("name", ["sft.yaml", "arguments.json", "train.py"])
def test_rows_of_like_length(name: str, tmp_path: Path) -> None:
    new, _, _ = made(name, ["balanced-lengths"], tmp_path)
    assert "batch_rebalance" in new
    other = read("factory.yaml", FILES["factory.yaml"], tmp_path)
    assert rewritten(other, STEP, STEP, [move("balanced-lengths")]) is None


def test_shorter_rows(tmp_path: Path) -> None:
    for name in ("axolotl.yaml", "factory.yaml", "sft.yaml"):
        recipe = read(name, FILES[name], tmp_path)
        told = rewritten(recipe, STEP, msgspec.structs.replace(STEP, length=1024))
        assert told is not None
        new = edit_text(FILES[name], ".yaml", told.edits)
        assert read(f"short_{name}", new, tmp_path).max_length == 1024


def test_a_lower_rank_and_four_bits_of_a_recipe_with_adapters(tmp_path: Path) -> None:
    text = FILES["axolotl.yaml"] + "adapter: lora\nlora_r: 64\nlora_alpha: 16\n"
    recipe = read("adapted.yaml", text, tmp_path)
    before = Step(config={}, weights="bf16", adapter=LowRank(rank=64))
    after = move("qlora").apply(move("lower-rank").apply(before) or before)
    assert after is not None
    told = rewritten(recipe, before, after)
    assert told is not None
    values = yaml.safe_load(edit_text(text, ".yaml", told.edits))
    assert (values["adapter"], values["lora_r"], values["lora_alpha"]) == ("qlora", 32, 16)


def test_a_recipe_of_tunewell_says_what_it_can(tmp_path: Path) -> None:
    own = Recipe(file=tmp_path / "tunewell.toml", format="tunewell")
    names = {each.id for each in possible(own, MOVES, STEP)}
    assert {"smaller-micro-batch", "lora", "larger-micro-batch"} <= names
    assert not names & {"checkpointing", "8bit-optimizer", "chunked-loss", "double-quantization"}


def test_without_a_file_everything_is_told() -> None:
    after = move("checkpointing").apply(move("smaller-micro-batch").apply(STEP) or STEP)
    assert after is not None
    told = rewritten(Recipe(format="transformers"), STEP, after)
    assert told is not None
    assert told.edits == ()
    assert told.by_hand == (
        "set per_device_train_batch_size to 4",
        "set gradient_accumulation_steps to 4",
        "set gradient_checkpointing to True",
    )


def taken_by_transformers(values: dict[str, Any], folder: Path) -> Any:  # noqa: ANN401
    from transformers import TrainingArguments

    values = {**values, "output_dir": str(folder), "use_cpu": True, "report_to": []}
    return TrainingArguments(**values)


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning")
def test_transformers_takes_the_changed_arguments(tmp_path: Path) -> None:
    moves = ["smaller-micro-batch", "checkpointing", "8bit-optimizer", "chunked-loss"]
    moves += ["loss-only-evaluation", "evaluation-accumulation", "balanced-lengths"]
    new, _, _ = made("arguments.json", moves, tmp_path)
    taken = taken_by_transformers(json.loads(new), tmp_path)
    assert taken.optim == "adamw_bnb_8bit"
    assert taken.gradient_checkpointing
    assert taken.use_liger_kernel
    assert taken.train_sampling_strategy == "batch_rebalance"


@pytest.mark.parametrize(
    "each", [m.id for m in MOVES if "optimizer" in m.id or m.id == "adafactor"]
)
def test_transformers_knows_every_optimizer(each: str) -> None:
    from transformers.training_args import OptimizerNames

    after = move(each).apply(STEP)
    assert after is not None
    assert OptimizerNames(after.optimizer).value == after.optimizer


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning")
def test_trl_takes_the_changed_file(tmp_path: Path) -> None:
    from transformers import HfArgumentParser
    from trl import ModelConfig, SFTConfig, get_quantization_config

    new, _, _ = made("sft.yaml", ["qlora", "double-quantization", "flash-attention"], tmp_path)
    values = yaml.safe_load(new) | {"output_dir": str(tmp_path), "use_cpu": True, "report_to": []}
    values.pop("dataset_name")
    parser = HfArgumentParser([SFTConfig, ModelConfig])
    arguments, model = parser.parse_dict(values)
    assert arguments.per_device_train_batch_size == 8
    assert model.use_peft
    assert model.lora_target_modules == "all-linear"
    assert model.attn_implementation == "flash_attention_2"
    packed = get_quantization_config(model)
    assert packed.bnb_4bit_quant_type == "nf4"
    assert packed.bnb_4bit_use_double_quant
