"""Configurations of other programs, each read to a recipe with places and defaults."""

import json
from pathlib import Path

import pytest

from tunewell.core.errors import InputError, SettingsError, UserError
from tunewell.facts.recipe import change, place
from tunewell.readers.recipes import look_at, read_config
from tunewell.subjects.recipe import Recipe


def read(tmp_path: Path, text: str, name: str = "config.yaml") -> Recipe:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_training_arguments_keep_their_own_defaults(tmp_path: Path) -> None:
    arguments = {
        "output_dir": "out", "learning_rate": "3e-5", "bf16": True, "label_smoothing_factor": 0.1,
        "warmup_steps": 0.05, "num_train_epochs": 2,
    }  # fmt: skip
    recipe = read(tmp_path, json.dumps(arguments, indent=1), "args.json")
    assert (recipe.learning_rate, recipe.precision, recipe.label_smoothing) == (3e-5, "bf16", 0.1)
    assert (recipe.warmup_ratio, recipe.warmup_steps) == (0.05, None)
    assert (recipe.per_device_train_batch_size, recipe.weight_decay, recipe.seed) == (8, 0.0, 42)
    assert not recipe.load_best_model_at_end
    assert (recipe.task, recipe.format) == ("unknown", "transformers")
    assert recipe.places["learning_rate"].line == 3
    assert place(recipe, "label_smoothing").path == "label_smoothing_factor"
    assert "weight_decay" not in recipe.given
    edit = change(recipe, "weight_decay", 0.1)
    assert (edit.key, edit.line, edit.old) == ("weight_decay", None, None)


def test_every_key_is_kept_as_it_was_written(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "num_train_epochs: 2\nevaluation_strategy: steps\nlearning_rate: 5e-5\nmy_own: {a: on}\n",
    )
    written = {(w.owner, w.key): (w.value, w.place.line) for w in recipe.written}
    assert written["TrainingArguments", "evaluation_strategy"] == ("steps", 2)
    assert written["TrainingArguments", "learning_rate"] == ("5e-5", 3)  # a text for PyYAML
    assert written["TrainingArguments", "my_own.a"] == (True, 4)
    assert recipe.learning_rate == 5e-5
    assert recipe.saving.eval_strategy == "steps"


TRL = """# run with: trl sft --config sft.yaml
model_name_or_path: Qwen/Qwen3-0.6B
dtype: bfloat16
dataset_name: data/train.jsonl
use_peft: true
lora_r: 32
lora_target_modules: all-linear
packing: true
completion_only_loss: true
gradient_checkpointing_kwargs:
  use_reentrant: false
eval_strategy: epoch
"""


def test_trl_command_line(tmp_path: Path) -> None:
    recipe = read(tmp_path, TRL, "sft.yaml")
    assert (recipe.task, recipe.method, recipe.model) == ("sft", "lora", "Qwen/Qwen3-0.6B")
    assert (recipe.learning_rate, recipe.precision, recipe.max_length) == (2e-5, "bf16", 1024)
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.lora_alpha) == (32, 32.0)
    assert recipe.adapter.target_modules == "all-linear"
    assert recipe.preparation.packing
    assert recipe.preparation.train_on_prompt is False
    assert recipe.preparation.datasets == ("data/train.jsonl",)
    assert recipe.hardware.use_reentrant is False
    assert recipe.hardware.gradient_checkpointing
    assert recipe.hardware.dtype == "bfloat16"
    assert recipe.saving.eval_strategy == "epoch"
    assert recipe.places["hardware.use_reentrant"].key == (
        "gradient_checkpointing_kwargs.use_reentrant"
    )
    assert recipe.places["hardware.use_reentrant"].line == 11


TRL_KINDS = {
    "dpo": ("beta: 0.2\nlearning_rate: 1.0e-6\n", "config", 1e-6),
    "kto": ("desirable_weight: 1.0\nnum_train_epochs: 1\n", "config", 1e-6),
    "reward": ("center_rewards_coefficient: 0.01\nnum_train_epochs: 1\n", "config", 1e-4),
    "grpo": ("num_generations: 4\nmax_completion_length: 64\nmax_steps: 3\n", "config", 1e-6),
    "sft": ("dataset_name: x/y\nnum_train_epochs: 1\n", "my-sft-run", 2e-5),
}


@pytest.mark.parametrize("task", TRL_KINDS)
def test_the_trainer_of_trl_is_told_by_its_arguments(tmp_path: Path, task: str) -> None:
    text, stem, rate = TRL_KINDS[task]
    recipe = read(tmp_path, text, f"{stem}.yaml")
    assert (recipe.task, recipe.learning_rate) == (task, rate)


def test_a_trainer_of_trl_that_cannot_be_told_leaves_its_rate_open(tmp_path: Path) -> None:
    recipe = read(tmp_path, "dataset_name: x/y\nnum_train_epochs: 1\n", "run.yaml")
    assert recipe.task == "unknown"
    assert "learning_rate" in recipe.unknown


def test_adapter_settings_alone(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
                    "base_model_name_or_path": "base"}),
        "adapter_config.json",
    )  # fmt: skip
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.target_modules) == (4, ("q_proj",))
    assert (recipe.format, recipe.model) == ("peft", "base")
    assert {"learning_rate", "num_train_epochs"} <= recipe.unknown
    assert "method" not in recipe.unknown


AXOLOTL = """base_model: meta-llama/Llama-3.2-1B
load_in_4bit: true
adapter: qlora
lora_r: 32
lora_alpha: 16
lora_target_linear: true
lora_modules_to_save:
  - embed_tokens
  - lm_head
datasets:
  - path: data/a.jsonl   # local
    type: alpaca
  - path: json
    data_files: [b.jsonl, c.jsonl]
val_set_size: 0.05
sequence_len: 4096
sample_packing: true
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 4
optimizer: adamw_bnb_8bit
learning_rate: 2e-4
bf16: auto
gradient_checkpointing: offload
flash_attention: true
evals_per_epoch: 2
wandb_project:
special_tokens:
   pad_token: <|end_of_text|>
"""


def test_axolotl(tmp_path: Path) -> None:
    recipe = read(tmp_path, AXOLOTL)
    assert (recipe.task, recipe.method, recipe.format) == ("sft", "qlora", "axolotl")
    assert (recipe.learning_rate, recipe.lr_scheduler_type) == (2e-4, "cosine")
    assert (recipe.per_device_train_batch_size, recipe.effective_batch_size) == (2, 8)
    assert (recipe.precision, recipe.warmup_ratio, recipe.optim) == ("bf16", 0.03, "adamw_bnb_8bit")
    assert recipe.adapter is not None
    assert recipe.adapter.target_modules == "all-linear"
    assert recipe.adapter.modules_to_save == ("embed_tokens", "lm_head")
    assert recipe.preparation.datasets == ("data/a.jsonl", "b.jsonl", "c.jsonl")
    assert recipe.preparation.validation_share == 0.05
    assert recipe.preparation.pad_token == "<|end_of_text|>"  # noqa: S105  a token of a model
    assert recipe.preparation.train_on_prompt is False
    assert recipe.hardware.gradient_checkpointing
    assert recipe.hardware.attn_implementation == "flash_attention_2"
    assert (recipe.saving.eval_strategy, recipe.saving.eval_steps) == ("steps", 1 / 8)
    assert (recipe.saving.save_strategy, recipe.saving.save_total_limit) == ("epoch", 4)
    assert recipe.places["preparation.pad_token"].key == "special_tokens.pad_token"
    assert recipe.places["preparation.pad_token"].line == 29


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ("float16: true\nfp16: false\nbf16: false", ("fp32", "float16")),
        ("bfloat16: true", ("bf16", "bfloat16")),
        ("bf16: auto", ("bf16", None)),
        ("fp16: true", ("fp16", None)),
    ],
)
def test_precision_of_axolotl(tmp_path: Path, lines: str, held: tuple[str, str | None]) -> None:
    recipe = read(tmp_path, f"base_model: x\nmicro_batch_size: 1\n{lines}\n")
    assert (recipe.precision, recipe.hardware.dtype) == held


@pytest.mark.parametrize(
    ("line", "task"),
    [("rl: dpo", "dpo"), ("rl: kto", "kto"), ("rl: grpo", "grpo"), ("reward_model: true", "reward"),
     ("pretraining_dataset: x", "pretraining"), ("rl: ebft", "unknown")],
)  # fmt: skip
def test_tasks_of_axolotl(tmp_path: Path, line: str, task: str) -> None:
    text = f"base_model: x\nmicro_batch_size: 1\nlearning_rate: 0.0001\n{line}\n"
    assert read(tmp_path, text).task == task


LLAMAFACTORY = """model_name_or_path: Qwen/Qwen3-4B
stage: dpo
do_train: true
finetuning_type: lora
lora_rank: 16
lora_target: q_proj,v_proj
pref_beta: 0.2
dataset: mine
template: qwen3
cutoff_len: 1024
learning_rate: 5e-6
warmup_ratio: 0.1
bf16: true
val_size: 0.1
deepspeed: ds.json
"""


def test_llamafactory(tmp_path: Path) -> None:
    (tmp_path / "ds.json").write_text('{"zero_optimization": {"stage": 3}}')
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset_info.json").write_text('{"mine": {"file_name": "mine.json"}}')
    recipe = read(tmp_path, LLAMAFACTORY)
    assert (recipe.task, recipe.method, recipe.format) == ("dpo", "lora", "llamafactory")
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.lora_alpha) == (16, 32.0)  # twice the rank
    assert recipe.adapter.target_modules == ("q_proj", "v_proj")
    assert (recipe.max_length, recipe.learning_rate, recipe.warmup_ratio) == (1024, 5e-6, 0.1)
    assert recipe.preference.beta == 0.2
    assert recipe.preparation.datasets == (str(tmp_path / "data" / "mine.json"),)
    assert recipe.hardware.deepspeed == {"zero_optimization": {"stage": 3}}
    assert recipe.hardware.gradient_checkpointing
    stage = next(w for w in recipe.written if w.key == "zero_optimization.stage")
    assert (stage.owner, stage.place.file, stage.value) == ("deepspeed", tmp_path / "ds.json", 3)
    rate = next(w for w in recipe.written if w.key == "learning_rate")
    assert rate.value == 5e-6  # OmegaConf takes it for a number


def test_quantized_llamafactory_is_qlora_on_all_layers(tmp_path: Path) -> None:
    text = "model_name_or_path: x\nstage: sft\nquantization_bit: 4\nlearning_rate: 1.0e-4\n"
    recipe = read(tmp_path, text)
    assert recipe.method == "qlora"
    assert recipe.adapter is not None
    assert recipe.adapter.target_modules == "all-linear"


def test_coming_llamafactory(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "model: x/y\npeft_config:\n  name: lora\n  r: 16\n  lora_alpha: 32\n  target_modules: all\n"
        "train_dataset: data/d.yaml\nmicro_batch_size: 2\nlearning_rate: 1e-4\n",
    )
    assert (recipe.method, recipe.learning_rate) == ("lora", 1e-4)
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.target_modules) == (16, "all-linear")
    assert recipe.places["adapter.r"].key == "peft_config.r"


TORCHTUNE = """output_dir: runs/one
model:
  _component_: torchtune.models.llama3_1.lora_llama3_1_8b
  lora_attn_modules: ['q_proj', 'output_proj']
  apply_lora_to_mlp: True
  lora_rank: 8
  lora_alpha: 16
tokenizer:
  _component_: torchtune.models.llama3.llama3_tokenizer
  max_seq_len: null
checkpointer:
  checkpoint_dir: ${output_dir}/base
dataset:
  _component_: torchtune.datasets.alpaca_cleaned_dataset
  packed: False
seed: null
batch_size: 2
optimizer:
  _component_: torch.optim.AdamW
  lr: 3e-4
lr_scheduler:
  _component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup
  num_warmup_steps: 100
loss:
  _component_: torchtune.rlhf.loss.DPOLoss
epochs: 1
max_steps_per_epoch: 50
gradient_accumulation_steps: 8
dtype: bf16
enable_activation_checkpointing: True
"""


def test_torchtune(tmp_path: Path) -> None:
    recipe = read(tmp_path, TORCHTUNE)
    assert (recipe.task, recipe.method, recipe.format) == ("dpo", "lora", "torchtune")
    assert (recipe.learning_rate, recipe.lr_scheduler_type) == (3e-4, "cosine")
    assert (recipe.warmup_steps, recipe.max_steps, recipe.weight_decay) == (100, 50, 0.01)
    assert (recipe.hardware.dtype, recipe.precision) == ("bfloat16", "bf16")
    assert recipe.model == "runs/one/base"
    assert recipe.adapter is not None
    assert recipe.adapter.target_modules == (
        "q_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip
    assert recipe.places["learning_rate"].key == "optimizer.lr"
    assert recipe.places["learning_rate"].line == 20


ACCELERATE = """compute_environment: LOCAL_MACHINE
distributed_type: DEEPSPEED
deepspeed_config:
  zero_stage: 3
  gradient_accumulation_steps: 4
mixed_precision: bf16
num_processes: 8
"""


def test_accelerate_alone_says_how_it_is_started(tmp_path: Path) -> None:
    recipe = read(tmp_path, ACCELERATE)
    assert recipe.hardware.world_size == 8
    assert recipe.hardware.deepspeed == {"zero_stage": 3, "gradient_accumulation_steps": 4}
    assert (recipe.precision, recipe.gradient_accumulation_steps) == ("bf16", 4)
    assert {"learning_rate", "num_train_epochs", "saving.save_steps"} <= recipe.unknown
    assert not recipe.load_best_model_at_end
    assert not {"precision", "gradient_accumulation_steps"} & recipe.unknown


def test_files_of_one_run_make_one_recipe(tmp_path: Path) -> None:
    main, accelerate = tmp_path / "args.yaml", tmp_path / "accelerate.yaml"
    main.write_text("num_train_epochs: 2\nper_device_train_batch_size: 4\nfp16: true\n")
    accelerate.write_text(ACCELERATE)
    recipe = read_config(main, [accelerate])
    assert recipe.effective_batch_size == 32
    assert recipe.precision == "fp16"  # the arguments of the trainer have the word
    assert recipe.places["hardware.world_size"].file == accelerate
    assert recipe.places["hardware.world_size"].line == 7
    assert not recipe.unknown


def test_deepspeed_alone(tmp_path: Path) -> None:
    text = {
        "zero_optimization": {"stage": 2},
        "train_micro_batch_size_per_gpu": "auto",
        "fp16": {"enabled": True},
        "optimizer": {"type": "AdamW", "params": {"lr": 3e-5}},
    }
    recipe = read(tmp_path, json.dumps(text), "ds.json")
    assert (recipe.learning_rate, recipe.precision) == (3e-5, "fp16")
    assert "per_device_train_batch_size" in recipe.unknown
    assert recipe.hardware.deepspeed is not None


LIGHTNING = """seed_everything: 7
trainer:
  max_epochs: 5
  accumulate_grad_batches: 2
  precision: bf16-mixed
  devices: 2
  callbacks:
    - class_path: lightning.pytorch.callbacks.EarlyStopping
      init_args: {monitor: val_loss, patience: 4}
model:
  class_path: mine.Classifier
  init_args:
    learning_rate: 3e-5
data:
  init_args:
    batch_size: 16
"""


def test_lightning(tmp_path: Path) -> None:
    recipe = read(tmp_path, LIGHTNING)
    assert (recipe.learning_rate, recipe.num_train_epochs, recipe.seed) == (3e-5, 5.0, 7)
    assert recipe.effective_batch_size == 64
    assert (recipe.precision, recipe.early_stopping_patience) == ("bf16", 4)
    assert recipe.places["learning_rate"].key == "model.init_args.learning_rate"


BAD: dict[str, tuple[str, str, str, type[UserError]]] = {
    "a text for a number": (
        "a.yaml", "num_train_epochs: 3\nlearning_rate: fast\n",
        "a.yaml:2: learning_rate: must be a number, not 'fast'", SettingsError,
    ),
    "no batch": (
        "a.yaml", "num_train_epochs: 3\nper_device_train_batch_size: 0\n",
        "a.yaml:2: per_device_train_batch_size: 0 cannot be; it must be 1 or more", SettingsError,
    ),
    "a list for a number": (
        "a.json", '{"num_train_epochs": [1],\n "learning_rate": 1}',
        "a.json:1: num_train_epochs: must be a number, not a list", SettingsError,
    ),
    "broken JSON": ("a.json", '{"num_train_epochs": 3,\n "x" 1}', "a.json: line 2", InputError),
    "broken YAML": ("a.yaml", "num_train_epochs: 3\n  x: [1\n", "a.yaml: line ", InputError),
    "a list": ("a.yaml", "- 1\n", "a.yaml: line 1: is not a mapping", InputError),
    "not a configuration": ("a.yaml", "services: {web: 1}\n", "is no known conf", InputError),
    "nothing": ("a.yaml", "", "is no known conf", InputError),
    "for inference": (
        "a.yaml", "model_name_or_path: x\ntemplate: y\ninfer_backend: hf\n",
        "not for training", InputError,
    ),
    "holds itself": ("a.yaml", "num_train_epochs: 3\na: &a\n  b: *a\n", "holds itself", InputError),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, case: str) -> None:
    name, text, said, kind = BAD[case]
    with pytest.raises(kind) as raised:
        read(tmp_path, text, name)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"num_train_epochs: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_config(tmp_path / "a.yaml")


def test_other_files_are_no_configurations(tmp_path: Path) -> None:
    for number, text in enumerate(("a: 1\n", "on: push\njobs: {}\n", "model: x\nport: 1\n")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        assert look_at(path) is None


def test_the_reason_names_keys_that_were_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(AXOLOTL)
    kind = look_at(path)
    assert kind is not None
    assert kind.reason.startswith("settings of axolotl (adapter, base_model, datasets")


def test_what_comes_from_the_environment_is_left_open(tmp_path: Path) -> None:
    text = "base_model: x\nmicro_batch_size: 1\nlearning_rate: ${LR}\nnum_epochs: 1\n"
    recipe = read(tmp_path, text)
    assert recipe.unknown == {"learning_rate"}
    assert not next(w for w in recipe.written if w.key == "learning_rate").literal
