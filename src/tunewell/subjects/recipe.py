"""The training configuration, whatever file or object it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting stands: its file, its 1-based line, and the key by which the file knows it.

    `key` is dotted where the file nests ("optimizer.lr"). A script's key begins with the call that
    takes it ("TrainingArguments.learning_rate").
    """

    file: Path | None = None
    line: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One key of a configuration as the user wrote it, whether or not Tunewell has a use for it.

    `owner` is the class or the format that reads the key ("TrainingArguments", "SFTConfig",
    "axolotl", "deepspeed" ...). `value` is None where it is not a literal and `literal` is False.
    """

    owner: str
    key: str
    value: Any
    place: Place
    literal: bool = True


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter of PEFT. Names and meanings are those of `peft.LoraConfig`.

    `target_modules` of None leaves the choice to PEFT, "all-linear" alone means every linear layer
    but the head. `base` is a folder of an adapter that is loaded to be trained on.
    """

    kind: str = "lora"
    r: int = 8
    lora_alpha: float = 8
    lora_dropout: float = 0.0
    target_modules: tuple[str, ...] | str | None = None
    modules_to_save: tuple[str, ...] | None = None
    task_type: str | None = None
    use_rslora: bool = False
    use_dora: bool = False
    bias: str = "none"
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """How rows become tokens. `train_on_prompt` of None leaves it to the trainer.

    `chat_template` is a name ("llama3", "chatml"), a path or the template itself.
    """

    datasets: tuple[str, ...] = ()
    eval_datasets: tuple[str, ...] = ()
    packing: bool = False
    packing_strategy: str | None = None
    padding_free: bool = False
    train_on_prompt: bool | None = None
    assistant_only: bool = False
    chat_template: str | None = None
    eos_token: str | None = None
    pad_token: str | None = None
    special_tokens: tuple[str, ...] = ()
    remove_unused_columns: bool = True
    label_names: tuple[str, ...] | None = None
    validation_share: float | None = None


@dataclass(frozen=True, slots=True)
class Hardware:
    """Precision of the weights, memory savers and parallelism.

    `dtype` is that of the loaded weights ("float32", "bfloat16", "float16", "auto"), None where
    nothing is said. `world_size` is the number of processes, None where unknown. `deepspeed` and
    `fsdp` hold the settings themselves where they could be read. `use_cpu` keeps off any GPU.
    """

    dtype: str | None = None
    tf32: bool | None = None
    load_in_4bit: bool = False
    load_in_8bit: bool = False
    gradient_checkpointing: bool = False
    use_reentrant: bool | None = None
    attn_implementation: str | None = None
    device_map: str | None = None
    world_size: int | None = None
    deepspeed: Mapping[str, Any] | None = None
    fsdp: Mapping[str, Any] | None = None
    ddp_find_unused_parameters: bool | None = None
    ddp_timeout: float | None = None
    dataloader_num_workers: int = 0
    dataloader_drop_last: bool = False
    torch_compile: bool = False
    use_cache: bool | None = None
    use_cpu: bool = False


@dataclass(frozen=True, slots=True)
class Saving:
    """When it is evaluated and saved. Strategies are "no", "steps", "epoch" or "best".

    A step count below 1 is a share of all steps, as in `transformers.TrainingArguments`.
    `metrics_computed` says whether a `compute_metrics` looks at the predictions, `logits_reduced`
    whether a `preprocess_logits_for_metrics` makes them small first; None where that is not known.
    """

    output_dir: str | None = None
    eval_strategy: str = "no"
    eval_steps: float | None = None
    save_strategy: str = "steps"
    save_steps: float = 500
    save_total_limit: int | None = None
    save_only_model: bool = False
    logging_steps: float = 500
    logging_nan_inf_filter: bool = True
    per_device_eval_batch_size: int = 8
    eval_accumulation_steps: int | None = None
    prediction_loss_only: bool | None = None
    metrics_computed: bool | None = None
    logits_reduced: bool | None = None
    resume_from_checkpoint: str | bool | None = None
    overwrite_output_dir: bool | None = None
    ignore_data_skip: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """Settings of generation while it is evaluated."""

    predict_with_generate: bool = False
    max_length: int | None = None
    max_new_tokens: int | None = None
    num_beams: int | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """Settings of preference tuning and of reinforcement learning."""

    beta: float | None = None
    loss_type: str | None = None
    reference: str | None = None
    num_generations: int | None = None
    generation_batch_size: int | None = None
    max_completion_length: int | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Recipe:
    """Settings of one fine-tune. Names and meanings are those of `transformers.TrainingArguments`.

    A setting that nobody wrote has the default of what reads the file: those of Tunewell for its
    own, those of transformers or TRL for theirs. `given` names the settings that the user wrote, by
    dotted path ("adapter.r"). `places` says where each stands or, for one that is not in `given`,
    where it would be written (its `line` is then None or that of the call). `written` has every key
    of the source, known or not. `unknown` names settings whose value the source does not tell (a
    script takes it from the command line): they hold the default, and nothing is to be said of it.

    `task` is "text-classification", "token-classification", "sft", "dpo", "kto", "reward", "grpo",
    "pretraining", "seq2seq", "embedding" or "unknown"; `format` names what reads the file.
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
    optim: str = "adamw_torch"
    warmup_steps: int | None = None
    neftune_noise_alpha: float | None = None
    adapter: Adapter | None = None
    preparation: Preparation = Preparation()
    hardware: Hardware = Hardware()
    saving: Saving = Saving()
    generation: Generation = Generation()
    preference: Preference = Preference()
    format: str = "tunewell"
    given: frozenset[str] = frozenset()
    file: Path | None = None
    places: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    written: tuple[Written, ...] = ()
    unknown: frozenset[str] = frozenset()

    @property
    def effective_batch_size(self) -> int:
        """Rows that one optimizer step learns from, on every process together where known."""
        processes = self.hardware.world_size or 1
        return self.per_device_train_batch_size * self.gradient_accumulation_steps * processes
