"""What a rehearsal works on: the user's trainer, left as it is, and the rows that were chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tunewell.preflight.rows import Chosen

REHEARSED = "tunewell_rehearsed"
"""Attribute of a trainer that is a copy: its training is nobody's."""

TASK_OF_HEAD: Mapping[str, str] = {
    "ForCausalLM": "causal",
    "LMHeadModel": "causal",
    "ForMaskedLM": "masked",
    "ForConditionalGeneration": "seq2seq",
    "ForSeq2SeqLM": "seq2seq",
    "ForTokenClassification": "token",
    "ForSequenceClassification": "sequence",
    "ForQuestionAnswering": "span",
}
"""What the name of a model class says of its labels."""

TASK_OF_TRAINER: Mapping[str, str] = {
    "DPOTrainer": "preference",
    "RewardTrainer": "preference",
    "CPOTrainer": "preference",
    "ORPOTrainer": "preference",
    "KTOTrainer": "unpaired",
    "GRPOTrainer": "prompt",
    "RLOOTrainer": "prompt",
    "SentenceTransformerTrainer": "embedding",
    "CrossEncoderTrainer": "embedding",
}


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The trainer as the user built it. A probe reads from it and changes nothing on it.

    `train` and `evaluation` are the rows chosen to look at; `core` is the model under PEFT or
    another wrapper.
    """

    trainer: Any
    task: str
    core: Any
    train: Chosen
    evaluation: Chosen | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, None where the trainer has none."""
        processing = getattr(self.trainer, "processing_class", None)
        return getattr(processing, "tokenizer", processing)


@dataclass(frozen=True, slots=True)
class Probe:
    """One part of a rehearsal: what subject it gives and how.

    `run` may raise `tunewell.core.check.NotRunError` with the reason why it could not look. `steps`
    tells that it trains a copy once the step-one proof has shown that this can be done.
    """

    gives: type
    run: Callable[[Stage], object]
    steps: bool = False


def task_of(trainer: Any, core: Any) -> str:
    """What kind of labels the trainer learns from."""
    for kind in type(trainer).__mro__:
        if kind.__name__ in TASK_OF_TRAINER:
            return TASK_OF_TRAINER[kind.__name__]
    config = getattr(core, "config", None)
    names = [type(core).__name__, *(getattr(config, "architectures", None) or ())]
    for name in names:
        for ending, task in TASK_OF_HEAD.items():
            if name.endswith(ending):
                return _without_encoder(task, core)
    return "other"


def _without_encoder(task: str, core: Any) -> str:
    # Models that see are "for conditional generation" too, and have no decoder of their own.
    if task == "seq2seq" and not getattr(
        getattr(core, "config", None), "is_encoder_decoder", False
    ):
        return "causal"
    return task


def core_of(model: Any) -> Any:
    """The model itself, out of a PEFT wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
