"""The YAML file of axolotl."""

from __future__ import annotations

from collections.abc import Mapping

from tunewell.readers.recipes.draft import Draft, Setting, Table
from tunewell.readers.recipes.hugging_face import take_lora, take_warmup
from tunewell.readers.recipes.launch import take_deepspeed, take_fsdp

OWNER = "axolotl"
SETTINGS: Mapping[str, str] = {
    "base_model": "model",
    "learning_rate": "learning_rate",
    "num_epochs": "num_train_epochs",
    "max_steps": "max_steps",
    "micro_batch_size": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "weight_decay": "weight_decay",
    "lr_scheduler": "lr_scheduler_type",
    "max_grad_norm": "max_grad_norm",
    "sequence_len": "max_length",
    "optimizer": "optim",
    "seed": "seed",
    "early_stopping_patience": "early_stopping_patience",
    "load_best_model_at_end": "load_best_model_at_end",
    "metric_for_best_model": "metric_for_best_model",
    "greater_is_better": "greater_is_better",
    "evals_per_epoch": "evals_per_epoch",
    "neftune_noise_alpha": "neftune_noise_alpha",
    "sample_packing": "preparation.packing",
    "batch_flattening": "preparation.padding_free",
    "train_on_inputs": "preparation.train_on_prompt",
    "chat_template": "preparation.chat_template",
    "special_tokens.eos_token": "preparation.eos_token",
    "special_tokens.pad_token": "preparation.pad_token",
    "remove_unused_columns": "preparation.remove_unused_columns",
    "val_set_size": "preparation.validation_share",
    "tf32": "hardware.tf32",
    "load_in_4bit": "hardware.load_in_4bit",
    "load_in_8bit": "hardware.load_in_8bit",
    "gradient_checkpointing": "hardware.gradient_checkpointing",
    "gradient_checkpointing_kwargs.use_reentrant": "hardware.use_reentrant",
    "attn_implementation": "hardware.attn_implementation",
    "device_map": "hardware.device_map",
    "world_size": "hardware.world_size",
    "ddp_find_unused_parameters": "hardware.ddp_find_unused_parameters",
    "ddp_timeout": "hardware.ddp_timeout",
    "dataloader_num_workers": "hardware.dataloader_num_workers",
    "dataloader_drop_last": "hardware.dataloader_drop_last",
    "torch_compile": "hardware.torch_compile",
    "output_dir": "saving.output_dir",
    "eval_strategy": "saving.eval_strategy",
    "eval_steps": "saving.eval_steps",
    "save_strategy": "saving.save_strategy",
    "save_steps": "saving.save_steps",
    "save_total_limit": "saving.save_total_limit",
    "save_only_model": "saving.save_only_model",
    "logging_steps": "saving.logging_steps",
    "eval_batch_size": "saving.per_device_eval_batch_size",
    "resume_from_checkpoint": "saving.resume_from_checkpoint",
    "rl_beta": "preference.beta",
    "trl.beta": "preference.beta",
    "trl.num_generations": "preference.num_generations",
    "trl.max_completion_length": "preference.max_completion_length",
}
LORA: Mapping[str, str] = {
    "lora_r": "adapter.r",
    "lora_alpha": "adapter.lora_alpha",
    "lora_dropout": "adapter.lora_dropout",
    "peft_use_rslora": "adapter.use_rslora",
    "peft_use_dora": "adapter.use_dora",
    "lora_model_dir": "adapter.base",
}
ATTENTION = {
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "flex_attention": "flex_attention",
    "eager_attention": "eager",
}
TASKS = {"dpo": "dpo", "ipo": "dpo", "orpo": "dpo", "simpo": "dpo", "kto": "kto", "grpo": "grpo"}
LOSSES = {"dpo": "sigmoid", "ipo": "ipo", "orpo": "orpo", "simpo": "simpo"}
MAYBE = frozenset(
    {"gradient_checkpointing", "torch_compile", "tf32", "batch_flattening", "sample_packing"}
)
"""Switches that also take a word: "auto", or where to keep what is not recomputed."""


def take_axolotl(draft: Draft, table: Table) -> None:
    """The settings of an axolotl file."""
    draft.note(table)
    draft.assume(OWNER)
    draft.take(_switched(table), SETTINGS)
    take_warmup(draft, table, "warmup_ratio")
    _task(draft, table)
    _adapter(draft, table)
    _precision(draft, table)
    _data(draft, table)
    _evaluation(draft, table)
    for key, name in ATTENTION.items():
        if table.value(key) is True:
            draft.put("hardware.attn_implementation", name, table.settings[key])
    take_deepspeed(draft, table, "deepspeed")
    take_fsdp(draft, table)
    if "learning_rate" not in table.settings:
        draft.leave_open("learning_rate")


def _switched(table: Table) -> Table:
    """The table with words that stand for "on" as true."""
    changed = dict(table.settings)
    for key in MAYBE & changed.keys():
        setting = changed[key]
        if isinstance(setting.value, str):
            changed[key] = Setting(setting.value.lower() != "false", setting.place, setting.literal)
    return Table(table.owner, changed, table.home)


def _task(draft: Draft, table: Table) -> None:
    rl = table.settings.get("rl")
    kind = str(table.value("rl") or "").lower()
    if rl is not None and kind:
        draft.put("task", TASKS.get(kind, "unknown"), rl)
        if kind in LOSSES:
            draft.suppose("preference.loss_type", LOSSES[kind])
    elif table.value("reward_model") is True:
        draft.put("task", "reward", table.settings["reward_model"])
    elif table.value("process_reward_model") is True:
        draft.put("task", "unknown", table.settings["process_reward_model"])
    elif table.value("pretraining_dataset"):
        draft.put("task", "pretraining", table.settings["pretraining_dataset"])
    elif str(table.value("model_type") or "").endswith("ForSequenceClassification"):
        draft.put("task", "text-classification", table.settings["model_type"])
    else:
        types = [s for k, s in table.settings.items() if _is_type(k)]
        if types and all(setting.value == "completion" for setting in types):
            draft.put("task", "pretraining", types[0])


def _is_type(key: str) -> bool:
    parts = key.split(".")
    return len(parts) == 3 and parts[0] == "datasets" and parts[2] == "type"  # noqa: PLR2004


def _adapter(draft: Draft, table: Table) -> None:
    take_lora(draft, table, LORA, "lora_")
    kind = table.settings.get("adapter")
    if kind is None or not isinstance(kind.value, str):
        return
    quantized = kind.value == "qlora" or table.value("load_in_4bit") is True
    draft.put("method", "qlora" if quantized else "lora", kind)
    if kind.value not in {"lora", "qlora"}:
        draft.values["adapter.kind"] = kind.value
    heads = {"reward": "SEQ_CLS", "text-classification": "SEQ_CLS"}
    task = heads.get(str(draft.values["task"]), "CAUSAL_LM")
    draft.values["adapter.task_type"] = "TOKEN_CLS" if table.value("process_reward_model") else task
    linear = table.settings.get("lora_target_linear")
    if linear is not None and linear.value is True and not table.words("lora_target_modules"):
        draft.put("adapter.target_modules", "all-linear", linear)


def _precision(draft: Draft, table: Table) -> None:
    """`bf16: auto` takes what the GPU has, which for one of these years is bf16.

    `bfloat16` and `float16` keep the weights in 16 bits; only the second leaves mixed precision.
    """
    kept = table.settings.get("float16")
    if kept is not None and kept.value is True:
        draft.put("hardware.dtype", "float16", kept)
    pure = table.settings.get("bfloat16")
    if pure is not None and pure.value is True:
        draft.put("hardware.dtype", "bfloat16", pure)
    for key, name in (("bf16", "bf16"), ("bfloat16", "bf16"), ("fp16", "fp16")):
        setting = table.settings.get(key)
        if setting is not None and setting.value in {True, "auto", "full"}:
            draft.put("precision", name, setting)
    draft.offer("precision", table.home("bf16"))


def _data(draft: Draft, table: Table) -> None:
    for path, keys in (
        ("preparation.datasets", ("datasets", "pretraining_dataset")),
        ("preparation.eval_datasets", ("test_datasets",)),
    ):
        for key in keys:
            setting = table.settings.get(key)
            if setting is None:
                continue
            entries = setting.value if isinstance(setting.value, list) else [setting.value]
            names = [name for entry in entries for name in _named(entry)]
            if names:
                draft.put(path, names, setting)
    tokens = table.settings.get("tokens")
    if tokens is not None and isinstance(tokens.value, list):
        draft.put("preparation.special_tokens", [str(token) for token in tokens.value], tokens)


def _named(entry: object) -> list[str]:
    """The files of a data set where it names them, or else its path."""
    if not isinstance(entry, Mapping):
        return [entry] if isinstance(entry, str) else []
    files = entry.get("data_files")
    if isinstance(files, list):
        return [str(file) for file in files]
    named = files or entry.get("path")
    return [str(named)] if named else []


def _evaluation(draft: Draft, table: Table) -> None:
    """How often it is evaluated and saved: `..._per_epoch` is a share of all steps."""
    epochs = float(draft.values["num_train_epochs"])
    for times, path in (("evals_per_epoch", "eval"), ("saves_per_epoch", "save")):
        setting = table.settings.get(times)
        if setting is not None and isinstance(setting.value, int) and setting.value > 0:
            share = 1.0 / (setting.value * epochs)
            draft.put(f"saving.{path}_strategy", "steps", setting)
            draft.put(f"saving.{path}_steps", share, setting)
    if "saving.save_steps" in draft.given:
        draft.suppose("saving.save_strategy", "steps")
    evaluated = bool(table.value("test_datasets")) or bool(table.value("val_set_size"))
    if "saving.eval_steps" in draft.given and evaluated:
        draft.suppose("saving.eval_strategy", "steps")
    batch = draft.values["per_device_train_batch_size"]
    draft.suppose("saving.per_device_eval_batch_size", batch)
