"""Tiny models, tokenizers and trainers of every kind, made on the spot."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A chat template that marks what is generated, its end of turn included."""

SPECIAL = ("<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>", "[CLS]", "[SEP]", "[MASK]")
_LINE = (
    "the a red green blue small large cat dog bird fish runs sleeps eats flies over under table "
    "house river tree what where why who when is are was were good bad fine thanks"
)
WORDS = _LINE.split()


def sentences(count: int, *, longest: int = 12) -> list[str]:
    """That many different short sentences, of 3 to `longest` words."""
    span = longest - 2
    return [
        " ".join(WORDS[(i * 7 + j * (3 + i % 5)) % len(WORDS)] for j in range(3 + i % span))
        for i in range(count)
    ]


@functools.cache
def _trained() -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences(200), trainer)
    return str(tokenizer.to_str())


def folder() -> Path:
    """An empty folder for what several cases share; it is gone when the tests end."""
    made = Path(tempfile.mkdtemp(prefix="tunewell-tests-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def tokenizer(
    *,
    template: str | None = CHATML,
    pad: str | None = "<pad>",
    bos: bool = False,
    **settings: Any,
) -> Any:
    """A byte-level BPE tokenizer of about 400 tokens. `bos` puts <s> in front of every text."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(_trained())
    if bos:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
        )
    chosen = {
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": pad, "cls_token": "[CLS]",
        "sep_token": "[SEP]", "mask_token": "[MASK]", **settings,
    }  # fmt: skip
    made = PreTrainedTokenizerFast(tokenizer_object=backend, **chosen)
    made.chat_template = template
    return made


def causal(tokens: int = 400, *, ends: Sequence[int] = (1, 4), **settings: Any) -> Any:
    """A Llama of two layers with random weights, the same ones each time.

    `ends` are the tokens at which it stops generating: </s> and <|im_end|>.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokens, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
            bos_token_id=0, eos_token_id=1, pad_token_id=2, **settings,
        )
    )  # fmt: skip
    model.generation_config.eos_token_id = list(ends)
    return model


def encoder(kind: str = "SequenceClassification", tokens: int = 400, **settings: Any) -> Any:
    """A BERT of two layers with a head of this kind and dropout."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=tokens, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=128, **settings,
    )  # fmt: skip
    return getattr(transformers, f"BertFor{kind}")(config)


def seq2seq(tokens: int = 400, **settings: Any) -> Any:
    """A T5 of one layer a side."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=tokens, d_model=32, d_kv=16, d_ff=48, num_layers=1, num_heads=2,
            decoder_start_token_id=2, pad_token_id=2, eos_token_id=1, **settings,
        )
    )  # fmt: skip


def lora(model: Any, **settings: Any) -> Any:
    """The model with a LoRA adapter."""
    from peft import LoraConfig, get_peft_model

    from tunewell.train.quiet import quiet

    chosen = {"r": 4, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", **settings}
    with quiet(1):  # PEFT reads names that transformers will take away
        return get_peft_model(model, LoraConfig(**chosen))


def arguments(out: Path, kind: Any = None, **settings: Any) -> Any:
    """Arguments of a short training on the CPU that writes and reports nothing."""
    from transformers import TrainingArguments

    chosen = {
        "use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no",
        "logging_steps": 1, "dataloader_pin_memory": False, "max_steps": 4, "bf16": False,
        "per_device_train_batch_size": 4, **settings,
    }  # fmt: skip
    return (kind or TrainingArguments)(output_dir=str(out), **chosen)


def chats(count: int = 24) -> list[dict[str, Any]]:
    """Conversations of one question and one answer."""
    said = sentences(2 * count)
    return [
        {
            "messages": [
                {"role": "user", "content": said[2 * i]},
                {"role": "assistant", "content": said[2 * i + 1]},
            ]
        }
        for i in range(count)
    ]


def dataset(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A Hugging Face data set of records."""
    from datasets import Dataset

    return Dataset.from_list([dict(row) for row in rows])


def sft(
    out: Path,
    *,
    rows: Any = None,
    model: Any = None,
    tokens: Any = None,
    peft: Any = None,
    collator: Any = None,
    **settings: Any,
) -> Any:
    """A healthy SFTTrainer over chats, trained on the assistant's turns alone."""
    from trl import SFTConfig, SFTTrainer

    from tunewell.train.quiet import quiet

    with quiet(1):
        return SFTTrainer(
            causal() if model is None else model,
            args=arguments(out, SFTConfig, **{"assistant_only_loss": True, **settings}),
            train_dataset=dataset(chats() if rows is None else rows),
            processing_class=tokenizer() if tokens is None else tokens,
            peft_config=peft,
            data_collator=collator,
        )


def classifier(
    out: Path,
    *,
    model: Any = None,
    rows: Any = None,
    collator: Any = None,
    trainer: Any = None,
    **settings: Any,
) -> Any:
    """A healthy Trainer of a three-class BERT with dropout; its rows are tokenised."""
    from transformers import DataCollatorWithPadding, Trainer

    from tunewell.train.quiet import quiet

    tokens = tokenizer()
    if rows is None:
        rows = [{**tokens(text), "labels": number % 3} for number, text in enumerate(sentences(24))]
    with quiet(1):
        return (trainer or Trainer)(
            encoder(num_labels=3) if model is None else model,
            args=arguments(out, **settings),
            train_dataset=dataset(rows),
            data_collator=collator or DataCollatorWithPadding(tokens),
            processing_class=tokens,
        )


def train(trainer: Any) -> list[float]:
    """Train and give the logged losses."""
    from tunewell.train.quiet import quiet

    with quiet(1):
        trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def looked(trainer: Any) -> Any:
    """The setup of a trainer."""
    from tunewell.preflight.rehearse import stage_of
    from tunewell.preflight.setup import look
    from tunewell.train.quiet import quiet

    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return look(stage)


def setup(*, trainable: int = 100, dtype: str = "float32", **fields: Any) -> Any:
    """A setup written down: 100 values, of which so many are trained."""
    from tunewell.subjects.setup import Setup, TensorGroup

    groups = [
        TensorGroup(dtype, trained, 1, values, ("model.layers.0",))
        for trained, values in ((False, 100 - trainable), (True, trainable))
        if values
    ]
    return Setup(**{"model": "Model", "task": "causal", "groups": tuple(groups), **fields})


def stepped(trainer: Any) -> Any:
    """One step of a copy of a trainer."""
    from tunewell.preflight.rehearse import stage_of
    from tunewell.preflight.step import prove_step
    from tunewell.train.quiet import quiet

    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return prove_step(stage)


def preferences(count: int = 20) -> Any:
    """Rows of a prompt and two answers."""
    said = sentences(3 * count)
    return dataset(
        [
            {"prompt": said[i], "chosen": said[i + count], "rejected": said[i + 2 * count]}
            for i in range(count)
        ]
    )


def dpo(out: Path, model: Any, **more: Any) -> Any:
    """A DPOTrainer; `ref_model` and `peft_config` go to it, the rest to its arguments."""
    from trl import DPOConfig, DPOTrainer

    from tunewell.train.quiet import quiet

    own = {name: more.pop(name) for name in ("ref_model", "peft_config") if name in more}
    with quiet(1):
        return DPOTrainer(
            model,
            args=arguments(out, DPOConfig, **more),
            train_dataset=preferences(),
            processing_class=tokenizer(),
            **own,
        )


def travelled(trainer: Any) -> Any:
    """A copy of a trainer's model saved and loaded."""
    from tunewell.preflight.rehearse import stage_of
    from tunewell.preflight.round_trip import travel
    from tunewell.train.quiet import quiet

    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return travel(stage)


def round_trip(**fields: Any) -> Any:
    """A round trip written down: without loss but for `fields`."""
    from tunewell.subjects.round_trip import RoundTrip

    healthy = {"difference": 0.0, "files": ("model.safetensors",), "trained": 4, "saved": 4}
    return RoundTrip(**{**healthy, **fields})
