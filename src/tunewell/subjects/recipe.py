"""The training configuration, whatever file or object it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Recipe:
    """Settings of one fine-tune. Names and meanings are those of `transformers.TrainingArguments`.

    `given` names the settings that the user wrote; the rest are Tunewell's defaults, which are the
    standard values of `tunewell.knowledge`. `lines` gives the 1-based line of each in `file`.
    """

    task: str = "text-classification"
    model: str | None = None
    method: str = "full"
    learning_rate: float = 5e-5
    num_train_epochs: float = 3.0
    max_steps: int = -1
    per_device_train_batch_size: int = 16
    gradient_accumulation_steps: int = 1
    weight_decay: float = 0.01
    warmup_ratio: float = 0.1
    lr_scheduler_type: str = "linear"
    max_grad_norm: float = 1.0
    dropout: float | None = None
    label_smoothing: float = 0.0
    class_weights: str = "none"
    focal_gamma: float = 0.0
    max_length: int | None = None
    precision: str = "fp32"
    early_stopping_patience: int | None = None
    evals_per_epoch: int = 1
    load_best_model_at_end: bool = True
    metric_for_best_model: str = "eval_loss"
    greater_is_better: bool | None = None
    seed: int = 0
    given: frozenset[str] = frozenset()
    file: Path | None = None
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def effective_batch_size(self) -> int:
        """Rows that one optimizer step learns from, on one device."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps
