"""The YAML file of a torchtune recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tunewell.readers.recipes.draft import Draft, Setting, Table
from tunewell.readers.recipes.hugging_face import dtype_name

OWNER = "torchtune"
SETTINGS: Mapping[str, str] = {
    "batch_size": "per_device_train_batch_size",
    "epochs": "num_train_epochs",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "optimizer.lr": "learning_rate",
    "optimizer.weight_decay": "weight_decay",
    "lr_scheduler.num_warmup_steps": "warmup_steps",
    "clip_grad_norm": "max_grad_norm",
    "tokenizer.max_seq_len": "max_length",
    "seed": "seed",
    "checkpointer.checkpoint_dir": "model",
    "dataset.packed": "preparation.packing",
    "dataset.train_on_input": "preparation.train_on_prompt",
    "enable_activation_checkpointing": "hardware.gradient_checkpointing",
    "compile": "hardware.torch_compile",
    "output_dir": "saving.output_dir",
    "log_every_n_steps": "saving.logging_steps",
    "resume_from_checkpoint": "saving.resume_from_checkpoint",
    "save_adapter_weights_only": "saving.save_only_model",
    "loss.beta": "preference.beta",
    "loss.label_smoothing": "label_smoothing",
}
LORA: Mapping[str, str] = {
    "model.lora_rank": "adapter.r",
    "model.lora_alpha": "adapter.lora_alpha",
    "model.lora_dropout": "adapter.lora_dropout",
    "model.use_dora": "adapter.use_dora",
}
COMPONENT = "_component_"
MLP = ("gate_proj", "up_proj", "down_proj")
MODULES = {"output_proj": "o_proj"}
"""torchtune's names of modules that Hugging Face calls otherwise, as the recipe does."""

OWN_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
DEEPEST = 5
"""References that are followed one through another."""


def take_torchtune(draft: Draft, table: Table) -> None:
    """The settings of a torchtune file."""
    table = _resolved(table)
    draft.note(table)
    draft.assume(OWNER)
    draft.take(table, SETTINGS)
    _task(draft, table)
    _method(draft, table)
    _schedule(draft, table)
    dtype = table.settings.get("dtype")
    if dtype is not None and isinstance(dtype.value, str):
        name = dtype_name(dtype.value)
        draft.put("hardware.dtype", name, dtype)
        short = {"bfloat16": "bf16", "float16": "fp16"}.get(name or "", "fp32")
        draft.put("precision", short, dtype)
    data = table.value("dataset.source") or table.value(f"dataset.{COMPONENT}")
    files = table.words("dataset.data_files")
    if files or data:
        source = next(k for k in ("dataset.data_files", "dataset.source", f"dataset.{COMPONENT}")
                      if table.value(k))  # fmt: skip
        draft.put("preparation.datasets", list(files) or [str(data)], table.settings[source])
    for key, path in (("optimizer.lr", "learning_rate"), ("epochs", "num_train_epochs")):
        if key not in table.settings:
            draft.leave_open(path)


def _resolved(table: Table) -> Table:
    """The table with references to its own keys followed."""
    settings = dict(table.settings)
    for key, setting in table.settings.items():
        if not setting.literal and setting.place.key == key:
            value = _follow(table, key)
            if value is not None:
                settings[key] = Setting(value, setting.place)
    return Table(table.owner, settings, table.home)


def _follow(table: Table, key: str) -> object:
    raw: object = table.raw.get(key)
    for _ in range(DEEPEST):
        if not isinstance(raw, str):
            return raw
        whole = OWN_REFERENCE.fullmatch(raw)
        if whole is not None:
            raw = table.raw.get(whole[1])
            continue
        found = OWN_REFERENCE.search(raw)
        if found is None:
            return raw
        inner = table.raw.get(found[1])
        if inner is None:
            return None
        raw = raw[: found.start()] + str(inner) + raw[found.end() :]
    return None


def _task(draft: Draft, table: Table) -> None:
    loss, data = (table.settings.get(f"{name}.{COMPONENT}") for name in ("loss", "dataset"))
    if loss is not None and "DPOLoss" in str(loss.value):
        draft.put("task", "dpo", loss)
        draft.values.setdefault("preference.beta", 0.1)
        draft.values.setdefault("preference.loss_type", "sigmoid")
    elif loss is not None and "PPOLoss" in str(loss.value):
        draft.put("task", "unknown", loss)
    elif data is not None and "text_completion" in str(data.value):
        draft.put("task", "pretraining", data)


def _method(draft: Draft, table: Table) -> None:
    component = table.settings.get(f"model.{COMPONENT}")
    name = str(component.value).rpartition(".")[2] if component is not None else ""
    if component is None or not re.match(r"q?(lora|dora)_", name):
        return
    quantized = name.startswith("q") or table.value("model.quantize_base") is True
    draft.put("method", "qlora" if quantized else "lora", component)
    draft.values["hardware.load_in_4bit"] = quantized
    draft.take(table, LORA)
    for key, value in (("adapter.r", 8), ("adapter.lora_alpha", 16.0), ("adapter.kind", "lora")):
        draft.values.setdefault(key, value)
    attention = table.settings.get("model.lora_attn_modules")
    if attention is not None and isinstance(attention.value, list):
        targets = [MODULES.get(str(module), str(module)) for module in attention.value]
        targets += MLP if table.value("model.apply_lora_to_mlp") is True else ()
        targets += ["lm_head"] if table.value("model.apply_lora_to_output") is True else []
        draft.put("adapter.target_modules", targets, attention)


def _schedule(draft: Draft, table: Table) -> None:
    component = table.settings.get(f"lr_scheduler.{COMPONENT}")
    if component is not None and "cosine" in str(component.value):
        draft.put("lr_scheduler_type", "cosine", component)
    optimizer = table.settings.get(f"optimizer.{COMPONENT}")
    if optimizer is not None and isinstance(optimizer.value, str):
        draft.put("optim", optimizer.value, optimizer)
    limit = table.settings.get("max_steps_per_epoch")
    if limit is not None and isinstance(limit.value, int):
        # A limit of each epoch: only with one epoch is it that of the whole run.
        epochs = draft.values.get("num_train_epochs", 1)
        draft.put("max_steps", int(limit.value * epochs), limit)
