"""Small transformers on the sentences of BANKING77, in the user's own Hugging Face trainers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    DataCollatorForLanguageModeling,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tunewell.train.watch import Watch

SIZE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
}
INTENTS = 8


@dataclass
class Job:
    """A model, what it learns and with which arguments."""

    task: str = "classify"
    arguments: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    rows: int | None = None
    resumed: bool = False
    resumed_with: dict[str, Any] = field(default_factory=dict)
    patience: int | None = None
    spoil: Callable[[Any], Any] | None = None
    callbacks: tuple[Any, ...] = ()
    second_set: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


class Texts:
    """The example's sentences, a tokenizer trained on them, and labels."""

    def __init__(self, folder: Path) -> None:
        self.train = self._read(folder / "train.csv")
        self.judged = self._read(folder / "eval.csv") + self._read(folder / "test.csv")
        names = sorted({label for _, label in self.train})
        self.names = names[:INTENTS]
        self.others = names[INTENTS : 2 * INTENTS]
        words = Tokenizer(models.WordLevel(unk_token="[UNK]"))  # noqa: S106
        words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words.train_from_iterator(
            [text.lower() for text, _ in self.train],
            trainers.WordLevelTrainer(vocab_size=1500, special_tokens=special),
        )
        words.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=words,
            pad_token="[PAD]",  # noqa: S106
            unk_token="[UNK]",  # noqa: S106
            cls_token="[CLS]",  # noqa: S106
            sep_token="[SEP]",  # noqa: S106
            mask_token="[MASK]",  # noqa: S106
            eos_token="[SEP]",  # noqa: S106
            model_max_length=64,
        )

    @staticmethod
    def _read(path: Path) -> list[tuple[str, str]]:
        with path.open(encoding="utf-8", newline="") as file:
            return [(row["text"], row["category"]) for row in csv.DictReader(file)]

    def ids(self, text: str, most: int = 24) -> list[int]:
        """Token numbers, cut."""
        return list(self.tokenizer(text.lower(), truncation=True, max_length=most).input_ids)


def classified(texts: Texts, pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[Any]:
    """Rows of these intents."""
    number = {name: place for place, name in enumerate(names)}
    return [
        {"input_ids": texts.ids(text), "labels": number[label]}
        for text, label in pairs
        if label in number
    ]


def tagged(texts: Texts, pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """Tag words by whether they are short, long or in between: learnable from the token alone."""
    rows = []
    for text, _ in pairs:
        ids = texts.ids(text)
        words = texts.tokenizer.convert_ids_to_tokens(ids)
        tags = [-100 if word.startswith("[") else min(2, len(word) // 4) for word in words]
        rows.append({"input_ids": ids, "labels": tags})
    return rows


def written(texts: Texts, pairs: Sequence[tuple[str, str]], most: int = 16) -> list[Any]:
    """Whole sentences of equal length for a language model."""
    cut = (texts.ids(text, most) for text, _ in pairs)
    return [{"input_ids": ids, "labels": list(ids)} for ids in cut if len(ids) == most]


def copied(texts: Texts, pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """A sentence's first words, to be written again in reverse."""
    cut = (texts.ids(text, 10)[1:7] for text, _ in pairs)
    return [{"input_ids": [*ids, 3], "labels": [*ids[::-1], 3]} for ids in cut if len(ids) == 6]  # noqa: PLR2004


class Kill(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Ends a run early, as a lost machine does, right after a checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Stop here."""
        if state.global_step == self.step:
            control.should_training_stop = True


class Poison(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Makes weights NaN at one step, as an overflow does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Strike."""
        if state.global_step == self.step:
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))


def train(job: Job, texts: Texts, out: Path) -> None:
    """Train, watched; where it is resumed, killed half way first."""
    steps = job.arguments.get("max_steps", 150)
    if job.resumed:
        trainer(job, texts, out, Kill(steps // 2)).train()
        job.arguments |= job.resumed_with
    last = trainer(job, texts, out)
    last.train(resume_from_checkpoint=True if job.resumed else None)
    last.save_state()


def trainer(job: Job, texts: Texts, out: Path, *extra: TrainerCallback) -> Trainer:
    """The trainer of a job."""
    torch.manual_seed(job.seed)
    make = {
        "classify": _classifier,
        "tag": _tagger,
        "language": _language,
        "llama": _language,
        "masked": _masked,
        "reverse": _reversing,
    }[job.task]
    model, rows, judged, collate, metrics = make(texts, job)
    if job.spoil is not None:
        job.spoil(model)
    if job.rows:
        rows = rows[: job.rows]
    arguments = {
        "max_steps": 150,
        "learning_rate": 2e-3,
        "per_device_train_batch_size": 16,
        "logging_steps": 5,
        "eval_strategy": "steps",
        "eval_steps": 25,
        "save_strategy": "steps" if job.resumed or job.patience else "no",
        "save_steps": 25,
        "load_best_model_at_end": job.patience is not None,
        "seed": job.seed,
        **job.arguments,
    }
    sets: Any = judged
    if job.second_set:
        sets = {"own": judged, "general": job.extra["general"](texts)}
    optimizers = (job.extra["optimizer"](model), None) if "optimizer" in job.extra else (None, None)
    return Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(out), use_cpu=True, report_to="none", disable_tqdm=True, **arguments
        ),
        train_dataset=rows,
        eval_dataset=sets,
        data_collator=collate,
        compute_metrics=metrics,
        optimizers=optimizers,
        callbacks=[
            Watch(announce=None),
            *([EarlyStoppingCallback(job.patience)] if job.patience else []),
            *job.callbacks,
            *extra,
        ],
    )


def accuracy(scored: Any) -> dict[str, float]:  # noqa: ANN401
    """Share of right answers among the labels that count."""
    labels, predicted = scored.label_ids, scored.predictions.argmax(-1)
    counts = labels != -100  # noqa: PLR2004
    return {"accuracy": float(np.mean(predicted[counts] == labels[counts]))}


def _classifier(texts: Texts, job: Job) -> tuple[Any, ...]:
    config = BertConfig(
        vocab_size=len(texts.tokenizer), num_labels=INTENTS, **SIZE, **job.extra.get("config", {})
    )
    return (
        BertForSequenceClassification(config),
        classified(texts, texts.train, texts.names),
        classified(texts, texts.judged, texts.names),
        DataCollatorWithPadding(texts.tokenizer),
        accuracy,
    )


def _tagger(texts: Texts, job: Job) -> tuple[Any, ...]:
    config = BertConfig(
        vocab_size=len(texts.tokenizer), num_labels=3, **SIZE, **job.extra.get("config", {})
    )
    return (
        BertForTokenClassification(config),
        tagged(texts, texts.train),
        tagged(texts, texts.judged),
        DataCollatorForTokenClassification(texts.tokenizer),
        accuracy,
    )


def _language(texts: Texts, job: Job) -> tuple[Any, ...]:
    model: Any
    if job.task == "llama":
        model = LlamaForCausalLM(
            LlamaConfig(vocab_size=len(texts.tokenizer), pad_token_id=0, **SIZE)
        )
    else:
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(texts.tokenizer),
                n_embd=64,
                n_layer=2,
                n_head=2,
                n_positions=32,
                bos_token_id=2,
                eos_token_id=3,
            )
        )
    return model, written(texts, texts.train), written(texts, texts.judged), None, None


def _masked(texts: Texts, job: Job) -> tuple[Any, ...]:  # noqa: ARG001
    model = BertForMaskedLM(BertConfig(vocab_size=len(texts.tokenizer), **SIZE))
    collate = DataCollatorForLanguageModeling(texts.tokenizer, mlm=True, mlm_probability=0.15)

    def rows(pairs: Sequence[tuple[str, str]]) -> list[Any]:
        return [{"input_ids": texts.ids(text)} for text, _ in pairs]

    return model, rows(texts.train), rows(texts.judged), collate, None


def _reversing(texts: Texts, job: Job) -> tuple[Any, ...]:  # noqa: ARG001
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(texts.tokenizer),
            d_model=64,
            d_ff=128,
            num_layers=2,
            num_heads=2,
            d_kv=32,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=3,
        )
    )
    return model, copied(texts, texts.train), copied(texts, texts.judged), None, None
