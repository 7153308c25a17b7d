"""Tiny trainings with real trainers, and the ways in which they are made to fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tunewell.train.guard.guard import Guard
from tunewell.train.quiet import quiet

ROWS, VOCABULARY = 96, 50


class Broke(TrainerCallback):
    """Does something to the model at the beginning of chosen steps."""

    def __init__(self, what: Callable[..., None], *steps: int) -> None:
        self.what, self.steps = what, steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Do it where it is time."""
        if state.global_step + 1 in self.steps:
            self.what(**parts)


class BeforeUpdate(TrainerCallback):
    """Is called with the step's number and the model when the gradient is complete."""

    def __init__(self, what: Callable[[int, Any], None]) -> None:
        self.what = what

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Call it."""
        self.what(state.global_step + 1, parts["model"])


class Memory:
    """A device on which more than `rows` rows at once do not fit.

    `where` is forward, backward, evaluation or head (any forward without gradients too).
    """

    def __init__(self, rows: int, where: str = "forward", since: int = 1) -> None:
        self.rows, self.where, self.since = rows, where, since
        self.step = 1
        self.raised = 0

    def want(self) -> None:
        """Raise what a GPU raises."""
        self.raised += 1
        said = (
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7 GiB."
        )
        raise torch.OutOfMemoryError(said)

    def limits(self, model: Any) -> Any:  # noqa: ANN401
        """The model, with every forward pass limited."""
        memory = self

        class Fail(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, tensor: Any) -> Any:  # noqa: ANN401, ARG004
                return tensor.clone()

            @staticmethod
            def backward(ctx: Any, gradient: Any) -> Any:  # noqa: ANN401, ARG004
                memory.want()

        def before(module: Any, args: Any, kwargs: Any) -> None:  # noqa: ANN401
            rows = len(kwargs["input_ids"] if "input_ids" in kwargs else args[0])
            if rows <= memory.rows or memory.step < memory.since:
                return
            graded = torch.is_grad_enabled()
            if memory.where == "forward" and graded:
                memory.want()
            if memory.where == "evaluation" and not graded and not module.training:
                memory.want()

        def middle(module: Any, args: Any, output: Any) -> Any:  # noqa: ANN401, ARG001
            if (
                memory.where == "backward"
                and torch.is_grad_enabled()
                and len(output) > memory.rows
                and memory.step >= memory.since
            ):
                # Layers above have their gradients by now: the step is half done.
                return Fail.apply(output)  # type: ignore[no-untyped-call]
            return output

        inner = model.transformer if hasattr(model, "transformer") else model.bert
        inner.register_forward_pre_hook(before, with_kwargs=True)
        inner.get_input_embeddings().register_forward_hook(middle)
        return model

    @property
    def clock(self) -> TrainerCallback:
        """What tells it the step."""
        memory = self

        class Clock(TrainerCallback):
            def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
                memory.step = state.global_step + 1

        return Clock()


def language_rows(rows: int = ROWS, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of 3 to 12 tokens that follow one another, padded to 12, with labels on real tokens."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        length = int(generator.integers(3, 13))
        ids = (generator.integers(0, VOCABULARY) + np.arange(12)) % VOCABULARY
        mask = (np.arange(12) < length).astype(np.int64)
        labels = np.where(mask == 1, ids, -100)
        made.append({"input_ids": ids, "attention_mask": mask, "labels": labels})
    return made


def class_rows(rows: int = ROWS, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of 6 tokens whose class is the first token's parity."""
    ids = np.random.default_rng(seed).integers(0, VOCABULARY, (rows, 6))
    return [{"input_ids": row, "labels": int(row[0] % 2)} for row in ids]


def language_model(dropout: float = 0.0) -> Any:  # noqa: ANN401
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=16,
            n_layer=1,
            n_head=2,
            n_positions=12,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
        )
    )


def classifier(dropout: float = 0.0) -> Any:  # noqa: ANN401
    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=12,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
    )


def trainer_of(
    out: Path,
    model: Any,  # noqa: ANN401
    rows: Any,  # noqa: ANN401
    *callbacks: Any,  # noqa: ANN401
    kind: Any = Trainer,  # noqa: ANN401
    judged: Any = None,  # noqa: ANN401
    optimizer: Any = None,  # noqa: ANN401
    **settings: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A trainer of 12 steps of 8 rows that logs each."""
    arguments = {
        "max_steps": 12,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "output_dir": str(out),
        **settings,
    }
    trainer = kind(
        model=model,
        args=TrainingArguments(**arguments),
        train_dataset=rows,
        eval_dataset=judged,
        callbacks=list(callbacks),
        optimizers=(optimizer, None),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def losses(trainer: Any, name: str = "loss") -> list[float]:  # noqa: ANN401
    """What it logged."""
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def weights(trainer: Trainer) -> torch.Tensor:
    """All of them, flat."""
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def trained(trainer: Any, guard: Guard | None = None, **named: Any) -> Trainer:  # noqa: ANN401
    """The trainer after its training."""
    with quiet(1):
        if guard is None:
            trainer.train(**named)
        else:
            guard.train(trainer, **named)
    return trainer


def silent(**options: Any) -> Guard:  # noqa: ANN401
    """A guard that does nothing but what is asked, without a word."""
    nothing = {"out_of_memory": False, "not_finite": None, "spike": None, "overfitting": None}
    return Guard(**{**nothing, "announce": None, **options})


def kinds(guard: Guard) -> list[str]:
    """What a guard did."""
    return [done.kind for done in guard.interventions]


def tokenizer() -> Any:  # noqa: ANN401
    """A tokenizer of letters and numbers for the tiny language model."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[EOS]", "[UNK]", *"abcdefghij", *map(str, range(VOCABULARY - 13))]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", eos_token="[EOS]", unk_token="[UNK]"
    )


def encoder(folder: Path, words: str) -> Path:
    """A BERT of one layer with a tokenizer of some words, saved."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words.split()]
    made = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(vocabulary)}, "[UNK]")
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=16,
    ).save_pretrained(str(folder))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.2,
        max_position_embeddings=20,
    )
    BertModel(config).save_pretrained(str(folder))
    return folder
