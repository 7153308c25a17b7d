"""Faults of model, adapter, precision and step, in real trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.data.test_untrained_template_token import base
from tests.checks.fit.test_accumulation_changes_gradient import (
    language_model,
    own_loss,
    tokenised,
    wrong_last_window,
)
from tests.checks.fit.test_adapter_not_trained import beside, chosen, frozen_after, loaded
from tests.checks.fit.test_first_loss_unexpected import pretrained, shuffled
from tests.checks.fit.test_first_loss_unexpected import trainer as on_a_trained_model
from tests.checks.fit.test_first_step_raises import head_by_hand, mixed
from tests.checks.fit.test_new_head_frozen import appended, head
from tests.checks.hardware.test_float16_overflow import scaled
from tests.checks.hyperparameters.test_reference_is_another_model import saved, tuned_in_memory
from tests.planted.planting import ENOUGH, Planted, assert_found, long_enough
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny

from tunewell.train.quiet import quiet

TOKENS = ("<tool>", "</tool>")


def sft(out: Path, model: Any = None, **chosen: Any) -> Any:
    return tiny.sft(out, model=model, **{**ENOUGH, **chosen})


def adapted(out: Path, **chosen: Any) -> Any:
    """A LoRA run at its own rate, on all linear layers."""
    rate = {"learning_rate": chosen.pop("learning_rate", 2e-4)}
    settings = {"target_modules": "all-linear", **chosen}
    return sft(out, tiny.lora(tiny.causal(), **settings), **rate)


def classified(out: Path, model: Any, **chosen: Any) -> Any:
    return tiny.classifier(out, model=model, **{**ENOUGH, **chosen})


def own_mean() -> Any:
    """A language model whose forward takes no number of tokens and averages by itself."""
    import torch
    from transformers import LlamaForCausalLM

    class OwnForCausalLM(LlamaForCausalLM):
        def forward(
            self, input_ids: Any = None, attention_mask: Any = None, labels: Any = None
        ) -> Any:
            outputs = super().forward(input_ids=input_ids, attention_mask=attention_mask)
            logits = outputs.logits[:, :-1]
            if labels is None:
                return outputs
            outputs.loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1)
            )
            return outputs

    torch.manual_seed(0)
    return OwnForCausalLM(tiny.causal().config)


def whole_windows(out: Path) -> Any:
    """The healthy twin of a wrong last window."""
    return tiny.classifier(out, rows=tokenised("sequence"), **ENOUGH)


def with_new_tokens(out: Path, **adapter: Any) -> Any:
    from transformers import AutoModelForCausalLM

    tokens = tiny.tokenizer()
    with quiet(1):
        tiny.causal(len(tokens)).save_pretrained(out / "base")
        tokens.save_pretrained(out / "base")
        model = AutoModelForCausalLM.from_pretrained(out / "base")
    tokens.add_tokens(list(TOKENS))
    with quiet(1):
        model.resize_token_embeddings(len(tokens))
    rows = tiny.chats()
    for row in rows:
        row["messages"][1]["content"] = f"<tool>{row['messages'][1]['content']}</tool>"
    lora = tiny.lora(model, target_modules="all-linear", **adapter)
    return tiny.sft(out, model=lora, tokens=tokens, rows=rows, learning_rate=2e-4, **ENOUGH)


def saved_in_bfloat16(out: Path, **loading: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    with quiet(1):
        trained = AutoModelForCausalLM.from_pretrained(pretrained())
        trained.to(torch.bfloat16).save_pretrained(out / "base")
        model = AutoModelForCausalLM.from_pretrained(out / "base", **loading)
    model.generation_config.eos_token_id = [1, 4]
    return sft(out / "out", model, learning_rate=1e-5)


def in_four_bits_by_its_configuration(out: Path, *, asked: bool) -> Any:
    """A configuration that asks for four bits: `from_config` builds whole layers all the same."""
    from transformers import AutoModelForCausalLM

    config = tiny.causal().config
    if asked:
        config.quantization_config = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    with quiet(1):
        model = AutoModelForCausalLM.from_config(config)
    model.generation_config.eos_token_id = [1, 4]
    return sft(out, tiny.lora(model, target_modules="all-linear"), learning_rate=2e-4)


def memory_grows_with_length(out: Path, *, longest: int) -> Any:
    """A loss whose memory doubles with every second token; one row of 200 is the longest."""
    import torch

    rows = tasks.classified(200)
    rows[150] = {**rows[150], "input_ids": [9] * longest, "attention_mask": [1] * longest}
    trainer = tiny.classifier(out, rows=rows, **ENOUGH)
    model, seen = trainer.model, [0]

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ARG001
        torch.empty(2 ** (seen[-1] // 2), dtype=torch.uint8)
        return torch.nn.functional.cross_entropy(outputs.logits, labels)

    model.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    trainer.compute_loss_func = loss
    return trainer


def other_labels(out: Path, labels: int) -> Any:
    from transformers import BertForSequenceClassification

    with quiet(1):
        tiny.encoder(num_labels=3).save_pretrained(out / "model")
        model = BertForSequenceClassification.from_pretrained(
            out / "model", num_labels=labels, ignore_mismatched_sizes=True
        )
    rows = [{**row, "labels": at % labels} for at, row in enumerate(tasks.classified())]
    return tiny.classifier(out / "out", model=model, rows=rows, **ENOUGH)


PLANTED = [
    pytest.param(
        Planted(
            lambda out: long_enough(on_a_trained_model(out, shuffled())),
            lambda out: long_enough(on_a_trained_model(out)),
            "FIT018",
            "Its tokenizer may be that of another model",
        ),
        marks=pytest.mark.reproduces("D42"),
        id="D42 the tokenizer of another model",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, tiny.lora(base(3, 4)), learning_rate=2e-4),
            lambda out: sft(out, tiny.lora(tiny.causal()), learning_rate=2e-4),
            "DAT093",
            "have an empty vector",
        ),
        marks=pytest.mark.reproduces("D43"),
        id="D43 template tokens that were never trained",
    ),
    pytest.param(
        Planted(
            lambda out: adapted(out, learning_rate=1e-5),
            adapted,
            "HYP001",
            "10 times below the published range for sft with LoRA",
        ),
        marks=pytest.mark.reproduces("O02"),
        id="O02 LoRA at the rate of a full fine-tune",
    ),
    pytest.param(
        Planted(
            lambda out: language_model(out, own_mean(), **ENOUGH),
            lambda out: language_model(out, **ENOUGH),
            "FIT014",
            "weighs more",
        ),
        marks=pytest.mark.reproduces("O06"),
        id="O06 a mean of means",
    ),
    pytest.param(
        Planted(own_loss, lambda out: language_model(out, **ENOUGH), "FIT014", "multiplied"),
        marks=pytest.mark.reproduces("O07"),
        id="O07 a loss that ignores the number of tokens",
    ),
    pytest.param(
        Planted(wrong_last_window, whole_windows, "FIT014", "last step"),
        marks=pytest.mark.reproduces("O08"),
        id="O08 a wrong last window",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, gradient_accumulation_steps=64, max_steps=-1),
            sft,
            "HYP003",
            "there are only 24 training rows",
        ),
        marks=pytest.mark.reproduces("O09"),
        id="O09 accumulation over more than the epoch",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, loaded(), learning_rate=2e-4, gradient_checkpointing=True),
            lambda out: sft(out, loaded(is_trainable=True), learning_rate=2e-4),
            "FIT010",
            "is_trainable=True",
        ),
        marks=pytest.mark.reproduces("O13"),
        id="O13 an adapter loaded for inference",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, beside(), learning_rate=2e-4),
            lambda out: sft(out, chosen(), learning_rate=2e-4),
            "FIT010",
            "not in use",
        ),
        marks=pytest.mark.reproduces("O14"),
        id="O14 another adapter is in use",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, frozen_after(), learning_rate=2e-4),
            adapted,
            "FIT010",
            "after it was made",
        ),
        id="O15 frozen once the adapter is there",
    ),
    pytest.param(
        Planted(
            lambda out: adapted(out, target_modules=["q_proj", "w1_typo"]),
            lambda out: adapted(out, target_modules=["q_proj", "v_proj"]),
            "HYP040",
            "w1_typo",
        ),
        marks=pytest.mark.reproduces("O17"),
        id="O17 one of several targets is mistyped",
    ),
    pytest.param(
        Planted(
            lambda out: adapted(out, target_modules=["q_proj", "v_proj"]),
            adapted,
            "HYP013",
            "the adapter is on q_proj, v_proj only",
        ),
        marks=pytest.mark.reproduces("O18"),
        id="O18 LoRA on query and value alone",
    ),
    pytest.param(
        Planted(
            lambda out: adapted(out, r=64, lora_alpha=1),
            lambda out: adapted(out, r=64, lora_alpha=64),
            "HYP014",
            "below every published value",
        ),
        marks=pytest.mark.reproduces("O19"),
        id="O19 an extreme scale",
    ),
    pytest.param(
        Planted(
            lambda out: classified(out, head(task_type=None), learning_rate=2e-4),
            lambda out: classified(out, head(task_type="SEQ_CLS"), learning_rate=2e-4),
            "FIT012",
            "the adapter has no task_type",
        ),
        marks=pytest.mark.reproduces("O20"),
        id="O20 a new head without a task type",
    ),
    pytest.param(
        Planted(
            lambda out: classified(
                out,
                head(task_type=None, modules_to_save=appended, target_modules=["q_proj", "score"]),
                learning_rate=2e-4,
            ),
            lambda out: classified(
                out,
                head(task_type=None, modules_to_save=["score"], target_modules=["q_proj"]),
                learning_rate=2e-4,
            ),
            "FIT012",
            "in no file: score",
        ),
        marks=pytest.mark.reproduces("O21"),
        id="O21 modules to save that are None",
    ),
    pytest.param(
        Planted(
            with_new_tokens,
            lambda out: with_new_tokens(out, modules_to_save=["embed_tokens", "lm_head"]),
            "FIT013",
            "<tool>",
        ),
        marks=pytest.mark.reproduces("O22"),
        id="O22 new tokens stay untrained",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, num_train_epochs=10, max_steps=3),
            lambda out: sft(out, num_train_epochs=10, max_steps=-1),
            "HYP017",
            "max_steps (3) overrides num_train_epochs",
        ),
        marks=pytest.mark.reproduces("O37"),
        id="O37 steps that cut the epochs short",
    ),
    pytest.param(
        Planted(
            lambda out: scaled(out, 1e6, bf16=False, fp16=True, **ENOUGH),
            lambda out: scaled(out, 1.0, bf16=False, fp16=True, **ENOUGH),
            "HW031",
            "overflows float16",
        ),
        marks=pytest.mark.reproduces("P01"),
        id="P01 activations beyond float16",
    ),
    pytest.param(
        Planted(
            saved_in_bfloat16,
            lambda out: saved_in_bfloat16(out, dtype="float32"),
            "HW030",
            "of the bfloat16 weights that a gradient reached do not move",
        ),
        marks=pytest.mark.reproduces("P02"),
        id="P02 loaded in bfloat16, unasked, and rounded away",
    ),
    pytest.param(
        Planted(
            lambda out: memory_grows_with_length(out, longest=100),
            lambda out: memory_grows_with_length(out, longest=5),
            "FIT015",
            "can't allocate memory",
        ),
        marks=pytest.mark.reproduces("P13"),
        id="P13 out of memory at the longest row",
    ),
    pytest.param(
        Planted(
            lambda out: in_four_bits_by_its_configuration(out, asked=True),
            lambda out: in_four_bits_by_its_configuration(out, asked=False),
            "HW032",
            "bitsandbytes",
        ),
        marks=pytest.mark.reproduces("P24"),
        id="P24 four bits that nobody made",
    ),
    pytest.param(
        Planted(mixed, tiny.classifier, "FIT015", "same dtype"),
        marks=pytest.mark.reproduces("P28"),
        id="P28 two precisions in one model",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(tuned_in_memory(out)),
            lambda out: tiny.dpo(out / "dpo", saved(out), **ENOUGH),
            "HYP041",
            "the model and the reference model differ",
        ),
        marks=pytest.mark.reproduces("R08"),
        id="R08 the reference is the model before its tuning",
    ),
    pytest.param(
        Planted(
            lambda out: other_labels(out, 5),
            lambda out: other_labels(out, 3),
            "FIT019",
            "was replaced by a new one",
        ),
        marks=pytest.mark.reproduces("C03"),
        id="C03 a trained head is replaced",
    ),
    pytest.param(
        Planted(head_by_hand, tiny.classifier, "FIT015", "3 outputs and config.num_labels is 2"),
        marks=pytest.mark.reproduces("C05"),
        id="C05 a head swapped by hand",
    ),
]  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_the_cause_comes_first(planted: Planted, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert_found(planted, tmp_path)


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16"])
def test_rows_that_are_all_padding_stay_finite(kind: str) -> None:
    # P05 no longer exists in this form: with transformers 5.23 and torch 2.13, neither attention
    # gives NaN for a masked row, forwards or backwards. What one kind of GPU does is not tested.
    import torch

    ids = torch.arange(10, 26).reshape(2, 8)
    mask = torch.ones_like(ids)
    mask[0, :5] = mask[1] = 0
    for attention in ("eager", "sdpa"):
        model = tiny.causal(attn_implementation=attention).to(getattr(torch, kind))
        outputs = model(input_ids=ids, attention_mask=mask, labels=ids)
        outputs.loss.backward()
        assert outputs.logits.isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
