"""On healthy trainers of every kind nothing is said about their model, step or saving."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

import tunewell
from tunewell.core.finding import Severity

OURS = (
    "FIT005", "FIT010", "FIT012", "FIT013", "FIT014", "FIT015", "FIT016", "FIT018", "FIT019",
    "HW030", "HW031", "HW032", "HYP040", "HYP041", "ADA020", "ADA021",
)  # fmt: skip
LARGE_STEPS = {"gradient_accumulation_steps": 4, "per_device_train_batch_size": 2}


def frozen_encoder(out: Path) -> Any:
    model = tiny.encoder(num_labels=3)
    model.bert.requires_grad_(requires_grad=False)
    return tiny.classifier(out, model=model)


def loaded_classifier(out: Path) -> Any:
    """A new head on a base model from a folder."""
    from transformers import BertForSequenceClassification

    from tunewell.train.quiet import quiet

    with quiet(1):
        tiny.encoder().bert.save_pretrained(out / "base")
        model = BertForSequenceClassification.from_pretrained(out / "base", num_labels=3)
    return tiny.classifier(out / "out", model=model)


def coarse_base(out: Path) -> Any:
    import torch

    return tiny.sft(out, model=tiny.lora(tiny.causal().to(torch.bfloat16)), bf16=True)


def labels_by_token(out: Path) -> Any:
    from transformers import DataCollatorForTokenClassification

    tokens = tiny.tokenizer()
    ids = [tokens(text)["input_ids"] for text in tiny.sentences(24)]
    rows = [{"input_ids": i, "labels": [n % 3 for n in range(len(i))]} for i in ids]
    model = tiny.encoder("TokenClassification", num_labels=3)
    return tiny.classifier(
        out, model=model, rows=rows, collator=DataCollatorForTokenClassification(tokens)
    )


def translation(out: Path) -> Any:
    from transformers import DataCollatorForSeq2Seq

    tokens = tiny.tokenizer()
    ids = [tokens(text)["input_ids"] for text in tiny.sentences(24)]
    rows = [{"input_ids": i, "labels": [*i, 1]} for i in ids]
    return tiny.classifier(
        out, model=tiny.seq2seq(), rows=rows, collator=DataCollatorForSeq2Seq(tokens)
    )


HEALTHY: dict[str, Callable[[Path], Any]] = {
    "full": tiny.sft,
    "LoRA": lambda out: tiny.sft(out, model=tiny.lora(tiny.causal(), lora_dropout=0.1)),
    "LoRA on a classifier": lambda out: tiny.classifier(
        out,
        model=tiny.lora(tiny.encoder(num_labels=3), target_modules=["query"], task_type="SEQ_CLS"),
    ),
    "a frozen encoder": frozen_encoder,
    "a new head": loaded_classifier,
    "autocast": lambda out: tiny.sft(out, bf16=True),
    "LoRA on a base in bfloat16": coarse_base,
    "tied embeddings": lambda out: tiny.sft(out, model=tiny.causal(tie_word_embeddings=True)),
    "checkpointing": lambda out: tiny.sft(out, gradient_checkpointing=True),
    "checkpointing with LoRA": lambda out: tiny.sft(
        out, model=tiny.lora(tiny.causal()), gradient_checkpointing=True
    ),
    "accumulation": lambda out: tiny.sft(out, **LARGE_STEPS),
    "DPO with LoRA": lambda out: tiny.dpo(out, tiny.lora(tiny.causal()), **LARGE_STEPS),
    "DPO with a reference": lambda out: tiny.dpo(out, tiny.causal(), ref_model=tiny.causal()),
    "tags": labels_by_token,
    "translation": translation,
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_nothing_is_said(build: Callable[[Path], Any], tmp_path: Path) -> None:
    document = tunewell.check(build(tmp_path))
    found = [f for f in document.findings if f.code in OURS and f.severity is not Severity.INFO]
    assert not found
    assert not document.broken
    assert not [o for o in document.not_run if "rehearsal failed" in o.reason]
    assert sum(document.facts["rehearsal_seconds"].values()) < 30


def test_the_classic_of_transformers_5_is_found(tmp_path: Path) -> None:
    # O07: the heads of encoders take the number of labels and do not use it.
    document = tunewell.check(tiny.classifier(tmp_path, **LARGE_STEPS))
    assert "FIT014" in {finding.code for finding in document.findings}
