"""The arguments of Hugging Face trainers: TrainingArguments, the configs of TRL, LoraConfig."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunewell.readers.recipes.draft import Draft, Setting, Table
from tunewell.readers.recipes.launch import take_deepspeed, take_fsdp

ARGUMENTS: Mapping[str, str] = {
    "learning_rate": "learning_rate",
    "num_train_epochs": "num_train_epochs",
    "max_steps": "max_steps",
    "per_device_train_batch_size": "per_device_train_batch_size",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "weight_decay": "weight_decay",
    "lr_scheduler_type": "lr_scheduler_type",
    "max_grad_norm": "max_grad_norm",
    "label_smoothing_factor": "label_smoothing",
    "load_best_model_at_end": "load_best_model_at_end",
    "metric_for_best_model": "metric_for_best_model",
    "greater_is_better": "greater_is_better",
    "seed": "seed",
    "optim": "optim",
    "neftune_noise_alpha": "neftune_noise_alpha",
    "remove_unused_columns": "preparation.remove_unused_columns",
    "tf32": "hardware.tf32",
    "use_cache": "hardware.use_cache",
    "ddp_find_unused_parameters": "hardware.ddp_find_unused_parameters",
    "ddp_timeout": "hardware.ddp_timeout",
    "dataloader_num_workers": "hardware.dataloader_num_workers",
    "dataloader_drop_last": "hardware.dataloader_drop_last",
    "torch_compile": "hardware.torch_compile",
    "output_dir": "saving.output_dir",
    "eval_strategy": "saving.eval_strategy",
    "evaluation_strategy": "saving.eval_strategy",
    "eval_steps": "saving.eval_steps",
    "save_strategy": "saving.save_strategy",
    "save_steps": "saving.save_steps",
    "save_total_limit": "saving.save_total_limit",
    "save_only_model": "saving.save_only_model",
    "logging_steps": "saving.logging_steps",
    "logging_nan_inf_filter": "saving.logging_nan_inf_filter",
    "per_device_eval_batch_size": "saving.per_device_eval_batch_size",
    "eval_accumulation_steps": "saving.eval_accumulation_steps",
    "prediction_loss_only": "saving.prediction_loss_only",
    "resume_from_checkpoint": "saving.resume_from_checkpoint",
    "overwrite_output_dir": "saving.overwrite_output_dir",
    "ignore_data_skip": "saving.ignore_data_skip",
    "predict_with_generate": "generation.predict_with_generate",
    "generation_max_length": "generation.max_length",
    "generation_num_beams": "generation.num_beams",
}
"""Arguments of `transformers.TrainingArguments`, former names of some behind their present ones."""

TRL_ARGUMENTS: Mapping[str, str] = {
    "max_length": "max_length",
    "max_seq_length": "max_length",
    "packing": "preparation.packing",
    "packing_strategy": "preparation.packing_strategy",
    "padding_free": "preparation.padding_free",
    "assistant_only_loss": "preparation.assistant_only",
    "chat_template_path": "preparation.chat_template",
    "chat_template": "preparation.chat_template",
    "eos_token": "preparation.eos_token",
    "pad_token": "preparation.pad_token",
    "beta": "preference.beta",
    "num_generations": "preference.num_generations",
    "generation_batch_size": "preference.generation_batch_size",
    "max_completion_length": "preference.max_completion_length",
}
MODEL_ARGUMENTS: Mapping[str, str] = {
    "model_name_or_path": "model",
    "dtype": "hardware.dtype",
    "torch_dtype": "hardware.dtype",
    "attn_implementation": "hardware.attn_implementation",
    "load_in_4bit": "hardware.load_in_4bit",
    "load_in_8bit": "hardware.load_in_8bit",
}
LORA_ARGUMENTS: Mapping[str, str] = {
    "r": "adapter.r",
    "lora_alpha": "adapter.lora_alpha",
    "lora_dropout": "adapter.lora_dropout",
    "task_type": "adapter.task_type",
    "use_rslora": "adapter.use_rslora",
    "use_dora": "adapter.use_dora",
    "bias": "adapter.bias",
}
CLI_LORA: Mapping[str, str] = {
    "lora_r": "adapter.r",
    "lora_alpha": "adapter.lora_alpha",
    "lora_dropout": "adapter.lora_dropout",
    "lora_task_type": "adapter.task_type",
    "use_rslora": "adapter.use_rslora",
    "use_dora": "adapter.use_dora",
}
CONFIGS: Mapping[str, tuple[str, ...]] = {
    "GRPOConfig": ("num_generations", "max_completion_length", "scale_rewards", "use_vllm"),
    "KTOConfig": ("desirable_weight", "undesirable_weight"),
    "RewardConfig": ("center_rewards_coefficient",),
    "DPOConfig": ("precompute_ref_log_probs", "beta", "ld_alpha", "loss_weights", "ref_model_path"),
    "SFTConfig": (
        "packing", "packing_strategy", "assistant_only_loss", "completion_only_loss",
        "dataset_text_field", "max_seq_length", "dataset_kwargs", "eval_packing",
    ),
}  # fmt: skip
"""The configs of TRL with arguments that a configuration of that kind has and others have not."""

GENERIC_TRL = "trl"
MIXTURE = re.compile(r"(dataset_mixture\.)?datasets\.\d+\.(path|id)")
CHECKPOINTING = ("gradient_checkpointing", "activation_checkpointing")
FLOATS = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "half": "float16"}


def take_arguments(draft: Draft, table: Table, *, trl: bool) -> None:
    """What `TrainingArguments` or a config of TRL says. The defaults are the caller's to set."""
    draft.take(table, ARGUMENTS, nulls=True)
    if trl:
        draft.take(table, TRL_ARGUMENTS, nulls=True)
        _loss(draft, table)
    _precision(draft, table, trl=trl)
    take_warmup(draft, table)
    for name in CHECKPOINTING:
        if name in table.settings:
            draft.set("hardware.gradient_checkpointing", table.settings[name])
        reentrant = table.settings.get(f"{name}_kwargs.use_reentrant")
        if reentrant is not None:
            draft.set("hardware.use_reentrant", reentrant)
    draft.offer("hardware.gradient_checkpointing", table.home("gradient_checkpointing"))
    draft.offer("hardware.use_reentrant", table.home("gradient_checkpointing_kwargs.use_reentrant"))
    _names(draft, table, "label_names", "preparation.label_names")
    take_deepspeed(draft, table, "deepspeed")
    take_fsdp(draft, table)


def take_lora(draft: Draft, table: Table, names: Mapping[str, str], prefix: str = "") -> None:
    """What a `LoraConfig` says, or the `lora_...` arguments of a command line.

    Lists of modules are read under `target_modules` and `modules_to_save`, behind the prefix.
    """
    draft.take(table, names, nulls=True)
    draft.suppose("adapter.kind", "lora")
    _targets(draft, table, f"{prefix}target_modules")
    _names(draft, table, f"{prefix}modules_to_save", "adapter.modules_to_save")


def take_model_arguments(draft: Draft, table: Table) -> None:
    """The model and the adapter as the command line of TRL takes them."""
    draft.take(table, MODEL_ARGUMENTS)
    draft.assume("ModelConfig")
    take_lora(draft, table, CLI_LORA, "lora_")
    used = table.settings.get("use_peft")
    if used is not None and used.value is True:
        quantized = bool(table.value("load_in_4bit"))
        draft.put("method", "qlora" if quantized else "lora", used)
    draft.offer("method", table.home("use_peft"))
    _datasets(draft, table)


def _datasets(draft: Draft, table: Table) -> None:
    """One data set by its name, or several of a mixture."""
    named, mixed = table.settings.get("dataset_name"), table.settings.get("dataset_mixer")
    if named is not None and isinstance(named.value, str):
        draft.put("preparation.datasets", [named.value], named)
    if mixed is not None and isinstance(mixed.value, Mapping):
        draft.put("preparation.datasets", [str(name) for name in mixed.value], mixed)
    several = [s for key, s in table.settings.items() if MIXTURE.fullmatch(key)]
    if several:
        draft.put("preparation.datasets", [str(setting.value) for setting in several], several[0])


def take_warmup(draft: Draft, table: Table, home: str = "warmup_steps") -> None:
    """Warm-up in steps or, below 1, as a share of all steps; a share is written under `home`."""
    steps, ratio = table.settings.get("warmup_steps"), table.settings.get("warmup_ratio")
    if steps is not None and not steps.literal:
        draft.set("warmup_steps", steps)
        draft.set("warmup_ratio", steps)
    elif steps is not None and steps.value is not None:
        share = _share(steps.value)
        if share is None:
            draft.set("warmup_steps", steps)
            draft.suppose("warmup_ratio", 0.0)
        elif ratio is None:
            draft.put("warmup_ratio", share, steps)
    if ratio is not None:
        draft.set("warmup_ratio", ratio)
    draft.offer("warmup_ratio", table.home(home))
    draft.offer("warmup_steps", table.home("warmup_steps"))


def config_of(keys: Mapping[str, Any], hint: str) -> str:
    """The config of TRL that these arguments belong to; `hint` is the name of the file.

    Where neither the arguments nor the name say, `GENERIC_TRL`.
    """
    for name, telling in CONFIGS.items():
        if any(key in keys for key in telling):
            return name
    words = hint.lower()
    for name in CONFIGS:
        if name.removesuffix("Config").lower() in words:
            return name
    return GENERIC_TRL


def dtype_name(value: object) -> str | None:
    """The dtype that a text names, as PyTorch calls it."""
    if not isinstance(value, str):
        return None
    plain = value.removeprefix("torch.")
    return FLOATS.get(plain, plain)


def _precision(draft: Draft, table: Table, *, trl: bool) -> None:
    """bf16 or fp16. A config of TRL takes bf16 where neither is named."""
    bf16, fp16 = table.settings.get("bf16"), table.settings.get("fp16")
    for name, setting in (("bf16", bf16), ("fp16", fp16)):
        if setting is not None and (setting.value is True or not setting.literal):
            draft.put("precision", name, setting)
    if bf16 is not None and bf16.value is False:
        draft.put("precision", "fp32", bf16)
    elif fp16 is not None and fp16.value is False and not trl:
        draft.put("precision", "fp32", fp16)
    draft.offer("precision", table.home("bf16"))


def _share(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 < number < 1 else None


def _loss(draft: Draft, table: Table) -> None:
    setting = table.settings.get("loss_type")
    if setting is not None:
        names = "+".join(table.words("loss_type")) or setting.value
        draft.set("preference.loss_type", Setting(names, setting.place, setting.literal))
    only = table.settings.get("completion_only_loss")
    if only is not None and isinstance(only.value, bool):
        draft.put("preparation.train_on_prompt", not only.value, only)
    draft.offer("preparation.train_on_prompt", table.home("completion_only_loss"))


def _targets(draft: Draft, table: Table, key: str) -> None:
    setting = table.settings.get(key)
    if setting is not None:
        value = setting.value
        if isinstance(value, list | tuple) and [str(v) for v in value] == ["all-linear"]:
            value = "all-linear"  # the command line of TRL takes a list alone
        draft.set("adapter.target_modules", Setting(value, setting.place, setting.literal))
    draft.offer("adapter.target_modules", table.home(key))


def _names(draft: Draft, table: Table, key: str, path: str) -> None:
    setting = table.settings.get(key)
    if setting is not None:
        value = table.words(key) or None
        draft.set(path, Setting(value, setting.place, setting.literal), nulls=True)
    draft.offer(path, table.home(key))
