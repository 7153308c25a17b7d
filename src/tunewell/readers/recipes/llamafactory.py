"""The YAML or JSON file of LLaMA-Factory, of its present and of its coming kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewell.facts.config_files.json_tree import parse_json
from tunewell.facts.config_files.tree import DamagedError
from tunewell.readers.recipes.draft import Draft, Setting, Table
from tunewell.readers.recipes.hugging_face import take_arguments, take_lora
from tunewell.readers.recipes.text import read_text

OWNER, V1 = "llamafactory", "llamafactory-v1"
SETTINGS: Mapping[str, str] = {
    "model_name_or_path": "model",
    "cutoff_len": "max_length",
    "packing": "preparation.packing",
    "train_on_prompt": "preparation.train_on_prompt",
    "template": "preparation.chat_template",
    "val_size": "preparation.validation_share",
    "use_reentrant_gc": "hardware.use_reentrant",
    "pref_beta": "preference.beta",
    "pref_loss": "preference.loss_type",
    "ref_model": "preference.reference",
    "early_stopping_steps": "early_stopping_patience",
    "max_new_tokens": "generation.max_new_tokens",
    "num_beams": "generation.num_beams",
}
LORA: Mapping[str, str] = {
    "lora_rank": "adapter.r",
    "lora_alpha": "adapter.lora_alpha",
    "lora_dropout": "adapter.lora_dropout",
    "use_rslora": "adapter.use_rslora",
    "use_dora": "adapter.use_dora",
    "adapter_name_or_path": "adapter.base",
}
V1_SETTINGS: Mapping[str, str] = {
    "model": "model",
    "micro_batch_size": "per_device_train_batch_size",
    "cutoff_len": "max_length",
    "learning_rate": "learning_rate",
    "num_train_epochs": "num_train_epochs",
    "max_steps": "max_steps",
    "max_grad_norm": "max_grad_norm",
    "seed": "seed",
    "template": "preparation.chat_template",
    "flash_attn": "hardware.attn_implementation",
    "enable_activation_checkpointing": "hardware.gradient_checkpointing",
    "output_dir": "saving.output_dir",
    "save_steps": "saving.save_steps",
    "save_total_limit": "saving.save_total_limit",
    "logging_steps": "saving.logging_steps",
    "resume_from_checkpoint": "saving.resume_from_checkpoint",
}
V1_LORA: Mapping[str, str] = {
    "peft_config.r": "adapter.r",
    "peft_config.lora_alpha": "adapter.lora_alpha",
    "peft_config.lora_dropout": "adapter.lora_dropout",
    "peft_config.use_rslora": "adapter.use_rslora",
    "peft_config.use_dora": "adapter.use_dora",
}
STAGES = {"pt": "pretraining", "sft": "sft", "rm": "reward", "dpo": "dpo", "kto": "kto"}
ATTENTION = {"fa2": "flash_attention_2", "fa3": "flash_attention_3", "disabled": "eager"}
ALL = "all"


def take_llamafactory(draft: Draft, table: Table) -> None:
    """The settings of a LLaMA-Factory file."""
    draft.note(table)
    draft.assume(OWNER)
    draft.take(table, SETTINGS)
    stage = table.settings.get("stage")
    if stage is not None:
        draft.put("task", STAGES.get(str(stage.value), "unknown"), stage)
    _method(draft, table)
    take_arguments(draft, table, trl=False)
    off = table.settings.get("disable_gradient_checkpointing")
    if off is not None and isinstance(off.value, bool):
        draft.put("hardware.gradient_checkpointing", not off.value, off)
    else:
        draft.places["hardware.gradient_checkpointing"] = table.home(
            "disable_gradient_checkpointing"
        )
    pure = table.settings.get("pure_bf16")
    if pure is not None and pure.value is True:
        draft.put("precision", "bf16", pure)
        draft.put("hardware.dtype", "bfloat16", pure)
    if table.value("neat_packing") is True:
        draft.put("preparation.packing", True, table.settings["neat_packing"])
    attention = table.value("flash_attn")
    if isinstance(attention, str) and attention != "auto":
        name = ATTENTION.get(attention, attention)
        draft.put("hardware.attn_implementation", name, table.settings["flash_attn"])
    if stage is not None and stage.value == "rm":
        draft.suppose("adapter.modules_to_save", ("v_head",))  # it saves the value head itself
    if stage is not None and stage.value == "dpo":
        draft.values.setdefault("preference.loss_type", "sigmoid")
        draft.values.setdefault("preference.beta", 0.1)
    _data(draft, table)


def take_v1(draft: Draft, table: Table) -> None:
    """The settings of a file of LLaMA-Factory's coming kind."""
    draft.note(table)
    draft.assume(V1)
    draft.take(table, V1_SETTINGS)
    kind = table.settings.get("peft_config.name")
    take_lora(draft, _all_linear(table, "peft_config.target_modules"), V1_LORA, "peft_config.")
    quantized = table.has(("quant_config", "quant_config.name"))
    if kind is not None and kind.value == "lora":
        draft.put("method", "qlora" if quantized else "lora", kind)
    elif kind is not None:
        draft.put("method", str(kind.value), kind)
    data = table.settings.get("train_dataset")
    if data is not None and isinstance(data.value, str):
        draft.put("preparation.datasets", [data.value], data)
    bf16 = table.settings.get("bf16")
    if bf16 is not None and isinstance(bf16.value, bool):
        draft.put("precision", "bf16" if bf16.value else "fp32", bf16)


def _method(draft: Draft, table: Table) -> None:
    kind, bits = table.settings.get("finetuning_type"), table.settings.get("quantization_bit")
    named = str(kind.value) if kind is not None and kind.value is not None else "lora"
    if bits is not None and isinstance(bits.value, int):
        name = "hardware.load_in_4bit" if bits.value == 4 else "hardware.load_in_8bit"  # noqa: PLR2004
        draft.put(name, True, bits)
    quantized = draft.values.get("hardware.load_in_4bit") is True
    method = "qlora" if named == "lora" and quantized else named
    if kind is not None:
        draft.put("method", method, kind)
    else:
        draft.values["method"] = method
    draft.offer("method", table.home("finetuning_type"))
    if named != "lora":
        return
    targets = _all_linear(_renamed(table), "lora_target_modules")
    take_lora(draft, targets, LORA, "lora_")
    if "adapter.lora_alpha" not in draft.given:
        draft.values["adapter.lora_alpha"] = 2.0 * draft.values["adapter.r"]


def _renamed(table: Table) -> Table:
    """The table with the names by which an adapter's modules are read."""
    former = {"lora_target_modules": "lora_target", "lora_modules_to_save": "additional_target"}
    settings = dict(table.settings)
    for new, old in former.items():
        found = settings.get(old)
        if found is not None:
            several = table.words(old)
            value: Any = several[0] if several == (ALL,) else list(several) or None
            settings[new] = Setting(value, found.place, found.literal)
    return Table(table.owner, settings, lambda key: table.home(former.get(key, key)))


def _all_linear(table: Table, key: str) -> Table:
    found = table.settings.get(key)
    if found is None or found.value != ALL:
        return table
    changed = {**table.settings, key: Setting("all-linear", found.place)}
    return Table(table.owner, changed, table.home)


def _data(draft: Draft, table: Table) -> None:
    for key, path in (
        ("dataset", "preparation.datasets"),
        ("eval_dataset", "preparation.eval_datasets"),
    ):
        setting = table.settings.get(key)
        if setting is not None and table.words(key):
            folder = str(table.value("dataset_dir") or "data")
            names = [_file_of(name, folder, draft.file) for name in table.words(key)]
            draft.put(path, names, setting)
    for key in ("add_special_tokens", "add_tokens"):
        setting = table.settings.get(key)
        if setting is not None and table.words(key):
            draft.put("preparation.special_tokens", list(table.words(key)), setting)


def _file_of(name: str, folder: str, file: Path) -> str:
    """The file that the data folder's index has for a data set; its name where there is none."""
    for start in (Path(), file.parent):
        index = start / folder / "dataset_info.json"
        if not index.is_file():
            continue
        try:
            entry = parse_json(read_text(index)).values.get(name)
        except DamagedError:
            return name
        if isinstance(entry, Mapping) and isinstance(entry.get("file_name"), str):
            return str(start / folder / entry["file_name"])
    return name
