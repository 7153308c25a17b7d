"""Faults that stand in scripts and configurations, each run by the real library as well."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny

import tunewell
from tunewell.checks.hardware.does_not_fit import does_not_fit
from tunewell.checks.hyperparameters.cache_with_checkpointing import cache_with_checkpointing
from tunewell.core.finding import Confidence, Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.readers.recipes import read_script_recipe
from tunewell.subjects.machine import Machine
from tunewell.testing import run_check
from tunewell.train.quiet import quiet

LORA = """\
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

rows = load_dataset("json", data_files="rows.jsonl")["train"]
model = AutoModelForCausalLM.from_pretrained("model")
config = LoraConfig(r=8, target_modules=[TARGETS], task_type="CAUSAL_LM")
model = get_peft_model(model, config)
args = TrainingArguments("out", learning_rate=2e-4, num_train_epochs=40, bf16=False, use_cpu=True)
trainer = Trainer(model=model, args=args, train_dataset=rows)
"""
CACHED = """\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("model", use_cache=CACHE)
args = TrainingArguments("out", gradient_checkpointing=True, bf16=False, use_cpu=True)
trainer = Trainer(model=model, args=args)
"""
PRECISION = """\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("model")
args = TrainingArguments("out", bf16=BF16)
trainer = Trainer(model=model, args=args)
"""
GROUPS = """\
from trl import GRPOConfig, GRPOTrainer

args = GRPOConfig(
    "out", per_device_train_batch_size=ROWS, num_generations=GENERATIONS,
    bf16=False, use_cpu=True,
)
"""
FEEDBACK = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import KTOConfig, KTOTrainer

rows = load_dataset("json", data_files="feedback.jsonl")["train"]
args = KTOConfig(
    "out", per_device_train_batch_size=ROWS, num_train_epochs=40, bf16=False, use_cpu=True
)
model, reference = (AutoModelForCausalLM.from_pretrained("model") for _ in range(2))
tokenizer = AutoTokenizer.from_pretrained("model")
trainer = KTOTrainer(
    model=model, ref_model=reference, args=args, train_dataset=rows, processing_class=tokenizer
)
"""
OLD = """\
from trl import SFTConfig, SFTTrainer

args = SFTConfig("out", ARGUMENTS, bf16=False, use_cpu=True)
"""
COLLATOR = """\
from trl import SFTConfig, SFTTrainer, DataCollatorForCompletionOnlyLM

args = SFTConfig("out", bf16=False, use_cpu=True)
"""
PACKED = """\
from peft import LoraConfig
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer

bits = BitsAndBytesConfig(load_in_4bit=True, STORAGE)
model = AutoModelForCausalLM.from_pretrained("model", quantization_config=bits)
args = SFTConfig("out", learning_rate=2e-4, bf16=False, fsdp="full_shard auto_wrap")
adapter = LoraConfig(r=8, target_modules="all-linear")
trainer = SFTTrainer(model=model, args=args, train_dataset=rows, peft_config=adapter)
"""
DEEPSPEED = """\
from trl import SFTConfig, SFTTrainer

args = SFTConfig(
    "out", learning_rate=RATE, per_device_train_batch_size=4, bf16=False, deepspeed="ds.json"
)
trainer = SFTTrainer(model="model", args=args, train_dataset=rows)
"""
EMBEDDING = """\
from datasets import load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.losses import MultipleNegativesRankingLoss

rows = load_dataset("json", data_files="pairs.jsonl")["train"]
model = SentenceTransformer("embedder", device="cpu")
args = SentenceTransformerTrainingArguments(
    "out", per_device_train_batch_size=ROWS, gradient_accumulation_steps=STEPS,
    num_train_epochs=40, bf16=False, use_cpu=True,
)
loss = MultipleNegativesRankingLoss(model)
trainer = SentenceTransformerTrainer(model=model, args=args, train_dataset=rows, loss=loss)
"""


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder with a model, rows, and room for a script."""

    path: Path

    def script(self, text: str, **values: str) -> Path:
        """A script with values in place of the words in capitals."""
        for name, value in values.items():
            text = text.replace(name, value)
        file = self.path / "train.py"
        file.write_text(text, encoding="utf-8")
        return file

    def run(self, script: Path) -> dict[str, Any]:
        """What the script's names stand for after it has run."""
        names: dict[str, Any] = {}
        with contextlib.chdir(self.path), quiet(1):
            exec(compile(script.read_text("utf-8"), str(script), "exec"), names)  # noqa: S102
        return names

    def first(self, script: Path, *more: Path) -> Any:
        """The first finding of what a check says of the script, or None."""
        findings = tunewell.check(script, *more, model=str(self.path / "model")).findings
        return findings[0] if findings else None


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    with quiet(1):
        tiny.causal().save_pretrained(tmp_path / "model")
        tiny.tokenizer(template=None).save_pretrained(tmp_path / "model")
    said = tiny.sentences(80)
    _write(tmp_path / "rows.jsonl", [{"text": text} for text in said[:40]])
    answers = [
        {"prompt": said[at], "completion": f" {said[at + 40]}", "label": at % 2 == 0}
        for at in range(40)
    ]
    _write(tmp_path / "feedback.jsonl", answers)
    return Folder(tmp_path)


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.reproduces("O16")
def test_targets_that_are_not_there(folder: Folder) -> None:
    script = folder.script(LORA, TARGETS="'query_key_value'")
    with pytest.raises(ValueError, match="query_key_value"):
        folder.run(script)
    first = folder.first(script)
    assert (first.code, first.severity) == ("HYP012", Severity.ERROR)
    assert "none of the adapter's target modules: query_key_value" in first.message
    script = folder.script(LORA, TARGETS="'q_proj', 'up_proj'")
    assert folder.run(script)["trainer"]
    assert folder.first(script) is None


@pytest.mark.reproduces("O30")
@pytest.mark.filterwarnings("ignore")
def test_a_cache_with_checkpointing(folder: Folder) -> None:
    """Said with --pedantic alone: the real trainer switches the cache off by itself."""
    script = folder.script(CACHED, CACHE="True")
    assert not folder.run(script)["trainer"].model.config.use_cache
    found = run_check(cache_with_checkpointing, (read_script_recipe(script),)).findings
    assert "it will be switched off" in found[0].message
    script = folder.script(CACHED, CACHE="False")
    assert not run_check(cache_with_checkpointing, (read_script_recipe(script),)).findings


@pytest.mark.reproduces("P11")
def test_bf16_without_a_gpu(folder: Folder) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    script = folder.script(PRECISION, BF16="True")
    with pytest.raises(ValueError, match="doesn't support bf16/gpu"):
        folder.run(script)
    first = folder.first(script)
    assert first.code == "HW011"
    assert "this machine has no GPU: transformers refuses it here" in first.message
    script = folder.script(PRECISION, BF16="False")
    assert folder.run(script)["trainer"]
    assert folder.first(script) is None


@pytest.mark.reproduces("R15")
@pytest.mark.parametrize(
    ("rows", "generations", "cause"),
    [("2", "8", "does not hold whole groups of 8"), ("8", "1", "only 1 generation a prompt")],
)
@pytest.mark.filterwarnings("ignore")
def test_groups_that_do_not_fill_a_batch(
    rows: str, generations: str, cause: str, folder: Folder
) -> None:
    one_process = folder.path / "accelerate.yaml"
    one_process.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: 'NO'\nmixed_precision: 'no'\n"
        "num_machines: 1\nnum_processes: 1\nuse_cpu: true\n",
        encoding="utf-8",
    )
    script = folder.script(GROUPS, ROWS=rows, GENERATIONS=generations)
    with pytest.raises(ValueError, match="generation"):
        folder.run(script)
    first = folder.first(script, one_process)
    assert first.code == "HYP022"
    assert cause in first.message
    script = folder.script(GROUPS, ROWS="8", GENERATIONS="4")
    assert folder.run(script)["args"]
    assert folder.first(script, one_process) is None


@pytest.mark.reproduces("R16")
@pytest.mark.filterwarnings("ignore")
def test_kto_on_one_row_at_a_time(folder: Folder) -> None:
    script = folder.script(FEEDBACK, ROWS="1")
    with pytest.raises(ValueError, match="batch size must be > 1"):
        folder.run(script)
    first = folder.first(script)
    assert first.code == "HYP023"
    assert "nothing to estimate its divergence from" in first.message
    script = folder.script(FEEDBACK, ROWS="4")
    assert folder.run(script)["trainer"]
    said = folder.first(script)
    assert said is None or said.severity is Severity.INFO


@pytest.mark.reproduces("V02")
@pytest.mark.filterwarnings("ignore")
def test_arguments_and_imports_of_older_tutorials(folder: Folder) -> None:
    script = folder.script(OLD, ARGUMENTS="evaluation_strategy='no', max_seq_length=512")
    with pytest.raises(TypeError, match="evaluation_strategy"):
        folder.run(script)
    first = folder.first(script)
    assert first.code == "HYP010"
    assert "SFTConfig takes no evaluation_strategy" in first.message
    with pytest.raises(ImportError, match="DataCollatorForCompletionOnlyLM"):
        folder.run(folder.script(COLLATOR))
    first = folder.first(folder.path / "train.py")
    assert first.code == "HYP011"
    assert "trl has no DataCollatorForCompletionOnlyLM" in first.message
    script = folder.script(OLD, ARGUMENTS="eval_strategy='no', max_length=512")
    assert folder.run(script)["args"]
    assert folder.first(script) is None


@pytest.mark.reproduces("V03")
@pytest.mark.filterwarnings("ignore")
def test_defaults_that_changed_under_a_recipe(folder: Folder) -> None:
    """The script stops at its old names first; what else would change behind them is told too."""
    script = folder.script(OLD, ARGUMENTS="max_seq_length=512")
    document = tunewell.check(script, model=str(folder.path / "model"))
    assert [finding.code for finding in document.findings] == ["HYP010", "HYP026"]
    table = document.findings[1].evidence[0]
    now = folder.run(folder.script(OLD, ARGUMENTS="max_length=512"))["args"]
    changed = {row[0]: row[2] for row in table.rows}  # type: ignore[union-attr, index]
    assert changed["packing_strategy"] == now.packing_strategy
    assert folder.first(folder.path / "train.py") is None


@pytest.mark.reproduces("M02")
@pytest.mark.filterwarnings("ignore")
def test_accumulated_batches_lend_no_negatives(folder: Folder) -> None:
    said = tiny.sentences(48)
    pairs = [{"anchor": said[at], "positive": said[at + 24]} for at in range(24)]
    _write(folder.path / "pairs.jsonl", pairs)
    with quiet(1):
        tasks.sentence_model().save(str(folder.path / "embedder"))
    script = folder.script(EMBEDDING, ROWS="2", STEPS="4")
    trainer = folder.run(script)["trainer"]
    trainer.model.eval()

    def loss(first: int, count: int) -> float:
        rows = [trainer.train_dataset[at] for at in range(first, first + count)]
        return float(trainer.loss(*trainer.collect_features(trainer.data_collator(rows))))

    assert loss(0, 8) > 1.5 * sum(loss(first, 2) for first in range(0, 8, 2)) / 4
    first = folder.first(script)
    assert first.code == "HYP024"
    assert "accumulating 4 batches adds none" in first.message
    assert folder.first(folder.script(EMBEDDING, ROWS="8", STEPS="1")) is None


@pytest.fixture
def alone() -> Iterator[None]:
    """A process group of one."""
    from torch import distributed

    store = distributed.HashStore()  # type: ignore[attr-defined]
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.reproduces("P19")
@pytest.mark.usefixtures("alone")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stored", ["uint8", "bfloat16"])
def test_packed_weights_under_fsdp(stored: str, folder: Folder) -> None:
    """FSDP of torch on a layer as bitsandbytes stores it, which itself needs a GPU."""
    import torch
    from torch.distributed.fsdp import FullyShardedDataParallel

    layer = torch.nn.Linear(4, 4).to(torch.bfloat16)
    settings: dict[str, Any] = {"device_id": torch.device("cpu"), "use_orig_params": True}
    packed = torch.zeros(8, 1, dtype=getattr(torch, stored))
    layer.packed = torch.nn.Parameter(packed, requires_grad=False)
    script = folder.script(
        PACKED,
        STORAGE="" if stored == "uint8" else f"bnb_4bit_quant_storage='{stored}'",
    )
    first = folder.first(script)
    if stored == "uint8":
        with pytest.raises(ValueError, match="uniform dtype"):
            FullyShardedDataParallel(layer, **settings)
        assert first.code == "HW017"
        assert "FSDP lays them into one tensor" in first.message
    else:
        FullyShardedDataParallel(layer, **settings)
        assert first is None


@pytest.mark.parametrize(("rate", "found"), [("5e-5", True), ("1e-5", False)])
@pytest.mark.reproduces("O26")
@pytest.mark.filterwarnings("ignore")
def test_a_deepspeed_file_that_disagrees(rate: str, *, found: bool, folder: Folder) -> None:
    """By transformers' own comparison, on accelerate's class, which needs no DeepSpeed."""
    from accelerate.utils.deepspeed import HfDeepSpeedConfig
    from transformers import TrainingArguments
    from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

    settings = {
        "train_micro_batch_size_per_gpu": 4,
        "optimizer": {"type": "AdamW", "params": {"lr": 1e-5}},
    }
    (folder.path / "ds.json").write_text(json.dumps(settings), encoding="utf-8")
    own = {name: part for name, part in vars(HfTrainerDeepSpeedConfig).items() if "__" not in name}
    compared = type("Compared", (HfDeepSpeedConfig,), {**own, "mismatches": []})(settings)
    compared.trainer_config_process(
        TrainingArguments(
            output_dir=str(folder.path), learning_rate=float(rate),
            per_device_train_batch_size=4, bf16=False, use_cpu=True,
        )
    )  # fmt: skip
    assert bool(compared.mismatches) is found
    first = folder.first(folder.script(DEEPSPEED, RATE=rate))
    if found:
        assert first.code == "HYP020"
        assert "DeepSpeed's optimizer.params.lr is 1e-05, but learning_rate is 5e-05" in (
            first.message
        )
    else:
        assert first is None


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.reproduces("E21")
def test_the_checkpoint_is_chosen_on_the_test_rows(*, same: bool, tmp_path: Path) -> None:
    words = tiny.WORDS
    made = [
        f"{words[i % 27]} {words[i * 5 % 23]} {words[i * 11 % 19]} number {i * 7919 % 10007} of "
        f"{words[i * 2 % 27]}"
        for i in range(300)
    ]
    parts = {"train": made[:200], "eval": made[250:] if same else made[200:250], "test": made[250:]}
    for name, rows in parts.items():
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("text", "label"), *((row, int(" cat" in f" {row}")) for row in rows)]
            )
    settings = tmp_path / "train.yaml"
    settings.write_text(
        "num_train_epochs: 3\nlearning_rate: 2.0e-5\neval_strategy: epoch\nsave_strategy: epoch\n"
        "load_best_model_at_end: true\nper_device_train_batch_size: 4\n",
        encoding="utf-8",
    )
    document = tunewell.check(
        settings,
        train=tmp_path / "train.csv",
        evaluation=tmp_path / "eval.csv",
        test=tmp_path / "test.csv",
    )
    said = [f for f in document.findings if f.severity is not Severity.INFO]
    assert [finding.code for finding in said] == (["MET013"] if same else [])
    assert not same or "100 % of the test rows" in said[0].message


@pytest.mark.reproduces("P25")
def test_a_model_and_its_optimizer_that_do_not_fit(tmp_path: Path) -> None:
    """As many bytes as the real optimizer holds after a step, and a byte less than that."""
    trainer = tiny.sft(tmp_path / "out", max_steps=1)
    tiny.train(trainer)
    with quiet(1):
        trainer.model.save_pretrained(tmp_path / "model")
    weights = [(p.numel(), p.element_size()) for p in trainer.model.parameters()]
    moments = [
        value.numel() * value.element_size()
        for state in trainer.optimizer.state.values()
        for name, value in state.items()
        if name != "step"
    ]
    held = 2 * sum(count * size for count, size in weights) + sum(moments)
    parts = (recipe_of(trainer), read_checkpoint(tmp_path / "model"))
    found = [
        run_check(does_not_fit, (*parts, Machine(4, 2**40, 2**40, "A100", size, 1))).findings
        for size in (held - 1, held * 10**6)
    ]
    assert [(f.severity, f.confidence) for f in found[0]] == [(Severity.ERROR, Confidence.HIGH)]
    assert not found[1]
