"""Trainers of transformers and TRL over tiny models, and one over a model of one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import peft
import torch
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

VOCABULARY = 4_000
LENGTH = 128
ROWS = 16
BATCH = 8
SPECIAL = ("[PAD]", "[UNK]", "<s>", "</s>")


class Own(nn.Module):
    """A model that no library knows: no configuration, a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 256)
        self.layers = nn.ModuleList(nn.Linear(256, 256) for _ in range(6))
        self.head = nn.Linear(256, VOCABULARY)

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss of guessing the labels."""
        hidden = self.embedding(input_ids)
        for layer in self.layers:
            hidden = hidden + torch.tanh(layer(hidden))
        logits = self.head(hidden)
        return {
            "loss": nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()),
            "logits": logits,
        }


def words(count: int) -> str:
    """A text of so many tokens."""
    return " ".join(f"w{place % (VOCABULARY - len(SPECIAL))}" for place in range(count))


def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words."""
    known = [*SPECIAL, *(f"w{place}" for place in range(VOCABULARY - len(SPECIAL)))]
    vocabulary = {word: place for place, word in enumerate(known)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106  no password
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    pad, unknown, begin, end = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token=pad, unk_token=unknown, bos_token=begin, eos_token=end
    )


def llama(folder: Path, kind: Any = LlamaForCausalLM, **more: Any) -> Any:  # noqa: ANN401  transformers has no types
    """A tiny Llama, loaded from a folder as users load one."""
    llama_model(kind, **more).save_pretrained(folder / "model")
    return kind.from_pretrained(folder / "model", attn_implementation="eager")


def llama_model(kind: Any = LlamaForCausalLM, **more: Any) -> Any:  # noqa: ANN401  as above
    """A tiny Llama with random weights."""
    config = LlamaConfig(
        hidden_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=512, vocab_size=VOCABULARY, pad_token_id=0, **more,
    )  # fmt: skip
    config._attn_implementation = "eager"  # noqa: SLF001  as from_pretrained sets it
    return kind(config)


def bert() -> Any:  # noqa: ANN401  as above
    """A tiny BERT without dropout."""
    config = BertConfig(
        hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1_024,
        vocab_size=VOCABULARY, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    config._attn_implementation = "eager"  # noqa: SLF001  as from_pretrained sets it
    return BertForSequenceClassification(config)


def arguments(folder: Path, kind: Any = TrainingArguments, **more: Any) -> Any:  # noqa: ANN401  as above
    """Two quiet steps of SGD on the processor."""
    return kind(
        output_dir=str(folder / "out"), report_to="none", disable_tqdm=True, use_cpu=True,
        per_device_train_batch_size=BATCH, max_steps=2, save_strategy="no", optim="sgd",
        logging_strategy="no", **more,
    )  # fmt: skip


def with_lora(model: Any, task: str) -> Any:  # noqa: ANN401  as above
    """The model with LoRA as PEFT puts it."""
    return peft.get_peft_model(model, peft.LoraConfig(r=8, task_type=task))


def known(name: str, *, adapted: bool = False) -> Any:  # noqa: ANN401  as above
    """BERT or Llama, perhaps with LoRA."""
    model, task = (bert(), "SEQ_CLS") if name == "BERT" else (llama_model(), "CAUSAL_LM")
    return with_lora(model, task) if adapted else model


def plain(folder: Path, model: Callable[[Path], Any], **more: Any) -> Trainer:  # noqa: ANN401  as above
    """The Trainer over rows of one length."""
    made = model(folder)
    label: Any = 1 if "SequenceClassification" in str(made) else [5] * LENGTH
    row = {"input_ids": [5] * LENGTH, "labels": label}
    if not isinstance(made, Own):
        row["attention_mask"] = [1] * LENGTH
    rows = [row for _ in range(ROWS)]
    return Trainer(
        model=made,
        args=arguments(folder, **more),
        train_dataset=rows,
        data_collator=default_data_collator,
    )


def sft(folder: Path, *, lora: bool = False, **more: Any) -> Any:  # noqa: ANN401  as above
    """TRL's SFTTrainer."""
    return trl.SFTTrainer(
        model=llama(folder),
        args=arguments(folder, trl.SFTConfig, max_length=LENGTH, **more),
        train_dataset=Dataset.from_list([{"text": words(LENGTH)} for _ in range(ROWS)]),
        processing_class=tokenizer(),
        peft_config=peft.LoraConfig(r=8, task_type="CAUSAL_LM") if lora else None,
    )


def pairs() -> Dataset:
    """Prompts with a chosen and a rejected answer, all of one length."""
    half = words(LENGTH // 2 - 1)
    row = {"prompt": half, "chosen": f" {half}", "rejected": f" {half}"}
    return Dataset.from_list([row for _ in range(ROWS)])


def dpo(folder: Path, *, lora: bool = False, **more: Any) -> Any:  # noqa: ANN401  as above
    """TRL's DPOTrainer, whose reference is a second model or the one without adapters."""
    return trl.DPOTrainer(
        model=llama(folder),
        args=arguments(folder, trl.DPOConfig, max_length=LENGTH, **more),
        train_dataset=pairs(),
        processing_class=tokenizer(),
        peft_config=peft.LoraConfig(r=8, task_type="CAUSAL_LM") if lora else None,
    )


def reward(folder: Path, **more: Any) -> Any:  # noqa: ANN401  as above
    """TRL's RewardTrainer."""
    return trl.RewardTrainer(
        model=llama(folder, LlamaForSequenceClassification, num_labels=1),
        args=arguments(folder, trl.RewardConfig, max_length=LENGTH, **more),
        train_dataset=pairs(),
        processing_class=tokenizer(),
    )


def kto(folder: Path, **more: Any) -> Any:  # noqa: ANN401  as above
    """TRL's KTOTrainer."""
    half = words(LENGTH // 2 - 1)
    rows = [{"prompt": half, "completion": f" {half}", "label": n % 2 == 0} for n in range(ROWS)]
    return trl.KTOTrainer(
        model=llama(folder),
        args=arguments(folder, trl.KTOConfig, max_length=LENGTH, **more),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(),
    )


RECOMPUTED: dict[str, Any] = {"gradient_checkpointing": True}
KEPT: dict[str, Any] = {"gradient_checkpointing": False}
ALL: dict[str, Callable[[Path], Any]] = {
    "Trainer, own class": partial(plain, model=lambda _: Own()),
    "Trainer, BERT": partial(plain, model=lambda _: bert()),
    "Trainer, BERT, LoRA": partial(plain, model=lambda _: with_lora(bert(), "SEQ_CLS")),
    "Trainer, Llama": partial(plain, model=llama),
    "Trainer, Llama, LoRA": partial(plain, model=lambda f: with_lora(llama(f), "CAUSAL_LM")),
    "Trainer, Llama, checkpointing": partial(plain, model=llama, **RECOMPUTED),
    "SFTTrainer": partial(sft, **KEPT),
    "SFTTrainer, LoRA": partial(sft, lora=True, **KEPT),
    "SFTTrainer, checkpointing": partial(sft, **RECOMPUTED),
    "SFTTrainer, 2 micro-batches": partial(sft, gradient_accumulation_steps=2, **KEPT),
    "DPOTrainer": partial(dpo, **KEPT),
    "DPOTrainer, LoRA": partial(dpo, lora=True, **KEPT),
    "DPOTrainer, checkpointing": partial(dpo, **RECOMPUTED),
    "RewardTrainer": partial(reward, **KEPT),
    "KTOTrainer": partial(kto, **KEPT),
}
