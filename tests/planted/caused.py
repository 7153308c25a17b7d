"""Real trainings with one cause of trouble planted in each, small enough for a test."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS, LENGTH, SIGNS = 160, 12, 8
"""Words of the made-up language, of a row, and those that tell each class."""

Rows = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclasses.dataclass(frozen=True, slots=True)
class Setup:
    """A task and how it is trained. `rate` is one that learns; a plan changes one thing."""

    family: str = "words"
    rate: float = 2e-3
    rows: int = 240
    classes: int = 4
    steps: int = 150
    batch: int = 16
    seed: int = 0
    schedule: str = "linear"
    warm_up: int = 10
    log: int = 2
    part_left_out: bool = False
    not_a_number_at: int | None = None
    labels_shuffled: bool = False
    sorted_rows: bool = False
    share_of_first: float = 0.0
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def word_rows(setup: Setup, rows: int, seed: int) -> Rows:
    """Rows of word ids of which four in twelve tell the class, and the classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, setup.classes, rows)
    if setup.share_of_first:
        labels[random.random(rows) < setup.share_of_first] = 0
    ids = random.integers(2 + setup.classes * SIGNS, WORDS, (rows, LENGTH))
    for place in range(4):
        ids[:, 1 + 2 * place] = 2 + labels * SIGNS + random.integers(0, SIGNS, rows)
    ids[:, 0] = 1
    return ids, labels


def chain_rows(setup: Setup, rows: int, seed: int) -> Rows:
    """Rows of a language in which each word is followed by one of three others."""
    del setup
    following = np.random.default_rng(7).integers(2, 60, (60, 3))
    random = np.random.default_rng(seed)
    ids = np.empty((rows, LENGTH + 4), dtype=np.int64)
    ids[:, 0] = random.integers(2, 60, rows)
    for place in range(1, ids.shape[1]):
        ids[:, place] = following[ids[:, place - 1], random.integers(0, 3, rows)]
    return ids, ids


def train(setup: Setup, folder: Path) -> Path:
    """Train it, watched, and return the folder that holds its log."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from tunewell.train.quiet import quiet
    from tunewell.train.watch import Watch

    class Poison(TrainerCallback):
        def on_pre_optimizer_step(self, *args: Any, model: Any, **_: Any) -> None:
            if args[1].global_step == setup.not_a_number_at:
                next(model.parameters()).grad.fill_(float("nan"))

    class Ordered(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            from torch.utils.data import SequentialSampler

            return SequentialSampler(self.train_dataset)

    made = word_rows if setup.family == "words" else chain_rows
    train_rows = made(setup, setup.rows, 11 + setup.seed)
    if setup.labels_shuffled:
        mixed = np.random.default_rng(3).permutation(train_rows[1])
        train_rows = (train_rows[0], mixed)
    if setup.sorted_rows:
        order = np.argsort(train_rows[1], kind="stable")
        train_rows = (train_rows[0][order], train_rows[1][order])
    with quiet(1):
        torch.manual_seed(setup.seed)
        model = _model(setup)
        arguments = TrainingArguments(
            output_dir=str(folder), use_cpu=True, report_to="none", disable_tqdm=True,
            save_strategy="no", logging_steps=setup.log, dataloader_pin_memory=False,
            learning_rate=setup.rate, max_steps=setup.steps, warmup_steps=setup.warm_up,
            per_device_train_batch_size=setup.batch, per_device_eval_batch_size=64,
            lr_scheduler_type=setup.schedule, seed=setup.seed,
            eval_strategy="steps", eval_steps=max(setup.steps // 8, 2),
            **setup.settings,
        )  # fmt: skip
        kind = Ordered if setup.sorted_rows else Trainer
        optimizers = (_without_a_part(model, setup), None) if setup.part_left_out else (None, None)
        trainer = kind(
            model=model,
            args=arguments,
            train_dataset=_records(train_rows),
            eval_dataset=_records(made(setup, 120, 5)),
            compute_metrics=_accuracy if setup.family == "words" else None,
            callbacks=[Poison(), Watch(announce=None)],
            optimizers=optimizers,
        )
        trainer.train()
    return folder


def _model(setup: Setup) -> Any:
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        GPT2Config,
        GPT2LMHeadModel,
    )

    if setup.family == "language":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=2, n_positions=LENGTH + 4)
        )
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=LENGTH, num_labels=setup.classes,
        )
    )  # fmt: skip


def _without_a_part(model: Any, setup: Setup) -> Any:
    import torch

    part = "classifier" if setup.family == "words" else "transformer.h"
    held = [p for name, p in model.named_parameters() if not name.startswith(part)]
    return torch.optim.AdamW(held, lr=setup.rate)


def _records(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"input_ids": ids.tolist(), "labels": label.tolist()}
        for ids, label in zip(*rows, strict=True)
    ]


def _accuracy(predicted: Any) -> dict[str, float]:
    answers = predicted.predictions.argmax(-1)
    return {"accuracy": float((answers == predicted.label_ids).mean())}
