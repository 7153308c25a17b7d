"""The YAML file of Lightning's command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunewell.readers.recipes.draft import Draft, Setting, Table

OWNER = "lightning"
TRAINER: Mapping[str, str] = {
    "max_epochs": "num_train_epochs",
    "max_steps": "max_steps",
    "accumulate_grad_batches": "gradient_accumulation_steps",
    "gradient_clip_val": "max_grad_norm",
    "default_root_dir": "saving.output_dir",
    "log_every_n_steps": "saving.logging_steps",
}
RATES = ("optimizer.init_args.lr", "optimizer.lr")
INNER_RATE = ("lr", "learning_rate")
BATCHES = ("batch_size", "train_batch_size", "per_device_train_batch_size")
PRECISIONS = {"bf16-mixed": "bf16", "16-mixed": "fp16", "32-true": "fp32", "32": "fp32",
              "bf16": "bf16", "16": "fp16"}  # fmt: skip
TRUE_PRECISIONS = {"bf16-true": ("bf16", "bfloat16"), "16-true": ("fp16", "float16")}
EARLY_STOPPING = "EarlyStopping"


def take_lightning(draft: Draft, table: Table) -> None:
    """The settings of a file of `LightningCLI`, at its top or under `fit`."""
    draft.note(table)
    draft.assume(OWNER)
    inner = table.below("fit", OWNER) if table.has(("fit.trainer",)) else table
    take_trainer(draft, inner.below("trainer", "Trainer"))
    draft.take(inner, {"seed_everything": "seed"} if _is_number(inner, "seed_everything") else {})
    _rate(draft, inner)
    _batch(draft, inner)
    decay = inner.settings.get("optimizer.init_args.weight_decay")
    if decay is not None:
        draft.set("weight_decay", decay)


def take_trainer(draft: Draft, table: Table) -> None:
    """The arguments of Lightning's `Trainer`."""
    draft.take(table, TRAINER)
    precision = table.settings.get("precision")
    if precision is not None:
        word = str(precision.value)
        if word in PRECISIONS:
            draft.put("precision", PRECISIONS[word], precision)
        elif word in TRUE_PRECISIONS:
            short, dtype = TRUE_PRECISIONS[word]
            draft.put("precision", short, precision)
            draft.suppose("hardware.dtype", dtype)
        elif not precision.literal:
            draft.set("precision", precision)
    devices, nodes = table.settings.get("devices"), table.value("num_nodes")
    if devices is not None and isinstance(devices.value, int) and devices.value > 0:
        draft.put("hardware.world_size", devices.value * (nodes or 1), devices)
    _callbacks(draft, table)
    if draft.values.get("max_steps", -1) == 0:
        draft.values["max_steps"] = -1


def _callbacks(draft: Draft, table: Table) -> None:
    for key, setting in table.settings.items():
        if key.endswith(".class_path") and str(setting.value).endswith(EARLY_STOPPING):
            owner = key.removesuffix(".class_path")
            patience = table.settings.get(f"{owner}.init_args.patience")
            default = Setting(3, setting.place)  # of lightning.pytorch.callbacks.EarlyStopping
            draft.set("early_stopping_patience", patience or default)


def _rate(draft: Draft, table: Table) -> None:
    names: list[str] = [*RATES, *_inside(table, "model", INNER_RATE)]
    found = next((n for n in names if n in table.settings), None)
    if found is not None:
        draft.set("learning_rate", table.settings[found])
    else:
        draft.leave_open("learning_rate")


def _batch(draft: Draft, table: Table) -> None:
    for group in ("data", "model"):
        for name in _inside(table, group, BATCHES):
            draft.set("per_device_train_batch_size", table.settings[name])
    draft.leave_open("per_device_train_batch_size")


def _inside(table: Table, group: str, names: tuple[str, ...]) -> list[str]:
    keys: list[Any] = [f"{group}{part}.{n}" for part in (".init_args", "") for n in names]
    return [key for key in keys if key in table.settings]


def _is_number(table: Table, key: str) -> bool:
    value = table.value(key)
    return isinstance(value, int) and not isinstance(value, bool)
