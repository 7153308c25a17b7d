"""Recipes of Python scripts, read from their syntax tree."""

from pathlib import Path

import pytest

from tunewell.core.errors import InputError, SettingsError
from tunewell.readers.recipes import read_script_recipe
from tunewell.subjects.recipe import Recipe

SFT = """import sys
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from peft import LoraConfig, TaskType
from trl import SFTConfig, SFTTrainer

RATE = 2e-4
common = dict(bf16=True, gradient_checkpointing_kwargs={"use_reentrant": False})


def main(epochs):
    quantized = BitsAndBytesConfig(load_in_4bit=True)
    model = AutoModelForCausalLM.from_pretrained(
        "meta-llama/Llama-3.2-1B", torch_dtype=torch.bfloat16, quantization_config=quantized
    )
    model.config.use_cache = False
    tokenizer = AutoTokenizer.from_pretrained("other")
    tokenizer.pad_token = tokenizer.eos_token
    data = load_dataset("json", data_files={"train": "train.jsonl", "test": "test.jsonl"})
    args = SFTConfig(
        output_dir="out",
        learning_rate=RATE / 2,
        num_train_epochs=epochs,
        per_device_train_batch_size=int(sys.argv[1]),
        max_seq_length=2 * 1024,
        **common,
    )
    config = LoraConfig(
        r=16, lora_alpha=32, target_modules=["q_proj", "v_proj"], task_type=TaskType.CAUSAL_LM
    )
    trainer = SFTTrainer(
        model=model, args=args, train_dataset=data["train"], peft_config=config, tokenizer=tokenizer
    )
    trainer.train()
"""


def read(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "train.py"
    path.write_text(text, encoding="utf-8")
    return read_script_recipe(path)


def test_a_script_of_trl(tmp_path: Path) -> None:
    recipe = read(tmp_path, SFT)
    assert (recipe.task, recipe.method, recipe.format) == ("sft", "qlora", "trl")
    assert (recipe.learning_rate, recipe.max_length, recipe.precision) == (1e-4, 2048, "bf16")
    assert recipe.model == "meta-llama/Llama-3.2-1B"
    assert recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.target_modules) == (16, ("q_proj", "v_proj"))
    assert recipe.hardware.dtype == "bfloat16"
    assert recipe.hardware.use_reentrant is False
    assert recipe.hardware.use_cache is False
    assert recipe.preparation.datasets == ("train.jsonl",)
    assert recipe.preparation.eval_datasets == ("test.jsonl",)
    assert recipe.unknown == {"num_train_epochs", "per_device_train_batch_size"}


def test_places_begin_with_the_call(tmp_path: Path) -> None:
    recipe = read(tmp_path, SFT)
    rate, decay = recipe.places["learning_rate"], recipe.places["weight_decay"]
    assert (rate.line, rate.key) == (23, "SFTConfig.learning_rate")
    assert (decay.line, decay.key) == (21, "SFTConfig.weight_decay")  # where it would be added
    assert recipe.places["precision"].line == 9  # in the dictionary that the call unpacks


def test_what_is_written_is_kept(tmp_path: Path) -> None:
    written = {(w.owner, w.key): w for w in read(tmp_path, SFT).written}
    assert written["SFTTrainer", "tokenizer"].literal is False
    assert written["SFTTrainer", "tokenizer"].place.line is not None
    assert written["SFTConfig", "max_seq_length"].value == 2048
    assert written["tokenizer", "pad_token"].literal is False
    loaded = written["AutoModelForCausalLM.from_pretrained", "torch_dtype"]
    assert loaded.value == "bfloat16"


CLASSIFIER = """from transformers import (
    AutoModelForSequenceClassification, EarlyStoppingCallback, Trainer, TrainingArguments
)
model = AutoModelForSequenceClassification.from_pretrained("base", num_labels=2)
first = TrainingArguments("debug", max_steps=1)
args = TrainingArguments(
    "out", learning_rate=1e-5, eval_strategy="epoch", fp16=True, warmup_ratio=0.1,
)
Trainer(model, args=args, callbacks=[EarlyStoppingCallback(early_stopping_patience=3)]).train()
"""


def test_the_arguments_that_the_trainer_gets_count(tmp_path: Path) -> None:
    recipe = read(tmp_path, CLASSIFIER)
    assert (recipe.task, recipe.learning_rate, recipe.max_steps) == (
        "text-classification",
        1e-5,
        -1,
    )
    assert (recipe.precision, recipe.warmup_ratio, recipe.weight_decay) == ("fp16", 0.1, 0.0)
    assert recipe.early_stopping_patience == 3
    assert recipe.saving.output_dir == "out"
    assert recipe.places["saving.output_dir"].line == 7


def test_a_reward_model_says_nothing_of_the_task_of_trl(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer\n"
        "from transformers import AutoModelForSequenceClassification\n"
        "judge = AutoModelForSequenceClassification.from_pretrained('judge')\n"
        "args = OnlineDPOConfig('out')\n"
        "OnlineDPOTrainer(model=m, args=args, reward_funcs=judge).train()\n",
    )
    assert recipe.task == "unknown"
    assert {"learning_rate", "max_length"} <= recipe.unknown


def test_a_trainer_without_arguments_takes_its_defaults(tmp_path: Path) -> None:
    recipe = read(
        tmp_path, "from trl import SFTTrainer\nSFTTrainer(model='x', train_dataset=d).train()\n"
    )
    assert (recipe.task, recipe.learning_rate, recipe.given) == ("sft", 2e-5, frozenset())


def test_an_adapter_that_is_loaded(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "from peft import PeftModel\nfrom transformers import Trainer, TrainingArguments\n"
        "model = PeftModel.from_pretrained(base, 'old-adapter')\n"
        "Trainer(model=model, args=TrainingArguments('o')).train()\n",
    )
    assert recipe.adapter is not None
    assert (recipe.method, recipe.adapter.base) == ("lora", "old-adapter")
    assert not any(w.key == "is_trainable" for w in recipe.written)


def test_names_that_are_given_twice_are_left_open(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "from transformers import Trainer, TrainingArguments\nlr = 1e-5\nif debug:\n    lr = 1.0\n"
        "extra = {'weight_decay': 0.1}\nextra['weight_decay'] = 0.2\n"
        "args = TrainingArguments('o', learning_rate=lr, seed=[1, 2][0], **extra)\n"
        "Trainer(model=m, args=args)\n",
    )
    assert {"learning_rate", "seed", "weight_decay"} <= recipe.unknown


def test_lightning(tmp_path: Path) -> None:
    recipe = read(
        tmp_path,
        "import lightning as L\nimport torch\nfrom torch.utils.data import DataLoader\n\n\n"
        "class M(L.LightningModule):\n    def configure_optimizers(self):\n"
        "        return torch.optim.AdamW(self.parameters(), lr=3e-5, weight_decay=0.1)\n\n\n"
        "loader = DataLoader(rows, batch_size=16, shuffle=True)\n"
        "L.seed_everything(3)\n"
        "L.Trainer(max_epochs=4, precision='16-mixed', gradient_clip_val=1.0).fit(M(), loader)\n",
    )
    assert (recipe.format, recipe.learning_rate, recipe.weight_decay) == ("lightning", 3e-5, 0.1)
    assert (recipe.num_train_epochs, recipe.precision, recipe.seed) == (4.0, "fp16", 3)
    assert recipe.per_device_train_batch_size == 16
    assert recipe.places["learning_rate"].key == "AdamW.lr"


SILENT = {
    "from the command line": (
        "from transformers import Trainer\nTrainer(model=m, args=parser.parse()[0])\n",
        "takes its training arguments from the command line",
    ),
    "no trainer": ("import os\n", "makes no trainer and no training arguments"),
    "a trainer of their own": ("from mine import MyTrainer\nMyTrainer()\n", "takes its training"),
    "not Python": ("def f(:\n", "line 1: is not valid Python"),
}


@pytest.mark.parametrize("case", SILENT)
def test_a_script_that_says_nothing(tmp_path: Path, case: str) -> None:
    text, said = SILENT[case]
    with pytest.raises(InputError, match=said):
        read(tmp_path, text)


def test_a_value_of_the_wrong_type_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"train\.py:2: TrainingArguments\.learning_rate: must"):
        read(
            tmp_path,
            "from transformers import TrainingArguments\n"
            "args = TrainingArguments('o', learning_rate='high')\n",
        )


def test_nothing_of_the_script_is_run(tmp_path: Path) -> None:
    flag = tmp_path / "ran"
    read(
        tmp_path,
        f"import pathlib\npathlib.Path({str(flag)!r}).touch()\n"
        "from transformers import TrainingArguments\nTrainingArguments('o', seed=9**9**9)\n",
    )
    assert not flag.exists()
