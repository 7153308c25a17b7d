"""What starts a run on several devices: accelerate, DeepSpeed and FSDP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.facts.config_files.json_tree import parse_json
from tunewell.facts.config_files.tree import DamagedError
from tunewell.knowledge.config_defaults import defaults_of
from tunewell.readers.recipes.draft import Draft, Table, table_of
from tunewell.readers.recipes.text import read_text

DEEPSPEED, FSDP, ACCELERATE = "deepspeed", "fsdp", "accelerate"
DEEPSPEED_SETTINGS: Mapping[str, str] = {
    "train_micro_batch_size_per_gpu": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_clipping": "max_grad_norm",
    "optimizer.params.lr": "learning_rate",
    "optimizer.params.weight_decay": "weight_decay",
}
LEARNING = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
    "gradient_accumulation_steps", "weight_decay", "warmup_ratio", "warmup_steps",
    "lr_scheduler_type", "max_grad_norm", "max_length", "precision", "optim", "method",
    "load_best_model_at_end", "metric_for_best_model", "early_stopping_patience",
)  # fmt: skip
"""What a file that only starts a run, or only describes an adapter, does not tell."""


def take_deepspeed(draft: Draft, table: Table, key: str) -> None:
    """Settings of DeepSpeed under a key: the settings themselves, or the path of their file."""
    setting = table.settings.get(key)
    if setting is None:
        draft.offer("hardware.deepspeed", table.home(key))
        return
    if isinstance(setting.value, str) and setting.place.file is not None:
        file = beside(setting.value, setting.place.file)
        if file is None:
            draft.put("hardware.deepspeed", None, setting)
            return
        inner = read_deepspeed(file)
        draft.note(inner)
        draft.put("hardware.deepspeed", whole(inner), setting)
    else:
        draft.set("hardware.deepspeed", setting)


def read_deepspeed(file: Path) -> Table:
    """The settings in a JSON file of DeepSpeed.

    Raises:
        InputError: if it cannot be read or is not JSON.
    """
    try:
        return table_of(parse_json(read_text(file)), DEEPSPEED, file)
    except DamagedError as error:
        message = f"{file}: {error}"
        raise InputError(message) from None


def take_fsdp(draft: Draft, table: Table) -> None:
    """`fsdp` (options by name, or true) and `fsdp_config` (the settings, or their file)."""
    options, config = table.settings.get("fsdp"), table.settings.get("fsdp_config")
    settings: dict[str, Any] = {}
    if options is not None and options.literal and options.value:
        settings["options"] = list(table.words("fsdp")) or options.value
    if config is not None and isinstance(config.value, Mapping):
        settings |= config.value
    elif config is not None and isinstance(config.value, str) and config.place.file is not None:
        file = beside(config.value, config.place.file)
        if file is not None:
            inner = read_deepspeed(file)
            draft.note(Table(FSDP, inner.settings, inner.home))
            settings |= whole(inner)
    first = options or config
    if settings and first is not None:
        draft.put("hardware.fsdp", settings, first)
    draft.offer("hardware.fsdp", table.home("fsdp"))


def take_accelerate(draft: Draft, table: Table) -> None:
    """A file of `accelerate config`: the processes, and what they share the work with."""
    draft.note(table)
    processes = table.settings.get("num_processes")
    if processes is not None:
        draft.set("hardware.world_size", processes)
    kind = str(table.value("distributed_type") or "NO").upper()
    deepspeed, fsdp = table.settings.get("deepspeed_config"), table.settings.get("fsdp_config")
    if kind == "DEEPSPEED" and deepspeed is not None and isinstance(deepspeed.value, Mapping):
        if "deepspeed_config_file" in deepspeed.value:
            take_deepspeed(draft, table, "deepspeed_config.deepspeed_config_file")
        else:
            draft.set("hardware.deepspeed", deepspeed)
    if kind == "FSDP" and fsdp is not None and isinstance(fsdp.value, Mapping):
        draft.set("hardware.fsdp", fsdp)
    if draft.format == ACCELERATE:
        mixed = table.settings.get("mixed_precision")
        if mixed is not None and mixed.value in {"bf16", "fp16"}:
            draft.set("precision", mixed)
        elif mixed is not None and mixed.value in {"no", False}:
            draft.put("precision", "fp32", mixed)
        inner = table.below("deepspeed_config", DEEPSPEED)
        _take_numbers(draft, inner)
        _leave_open(draft)


def take_deepspeed_alone(draft: Draft, table: Table) -> None:
    """A file of DeepSpeed by itself; what it calls "auto" the trainer fills in."""
    draft.note(table)
    draft.values["hardware.deepspeed"] = whole(table)
    if draft.format == DEEPSPEED:
        _take_numbers(draft, table)
        for name in ("bf16", "fp16"):
            enabled = table.settings.get(f"{name}.enabled")
            if enabled is not None and enabled.value is True:
                draft.put("precision", name, enabled)
        _leave_open(draft)


def take_fsdp_alone(draft: Draft, table: Table) -> None:
    """A file of FSDP settings by itself."""
    draft.note(table)
    draft.values["hardware.fsdp"] = whole(table)
    if draft.format == FSDP:
        _leave_open(draft)


def _leave_open(draft: Draft) -> None:
    """Nothing of the training itself is told; the trainer's own defaults hold the places."""
    draft.assume("transformers")
    draft.values["task"] = "unknown"
    draft.leave_open(*LEARNING, *defaults_of("transformers"))


def _take_numbers(draft: Draft, table: Table) -> None:
    for key, path in DEEPSPEED_SETTINGS.items():
        setting = table.settings.get(key)
        if setting is not None and isinstance(setting.value, int | float):
            draft.set(path, setting)


def whole(table: Table) -> dict[str, Any]:
    """The settings of a table that stand on its top level."""
    return {key: s.value for key, s in table.settings.items() if "." not in key}


def beside(name: str, file: Path) -> Path | None:
    """The file that another one names: from the working folder, as trainers look, or beside it."""
    for start in (Path(), file.parent):
        try:
            if (start / name).is_file():
                return start / name
        except (OSError, ValueError):
            return None
    return None
