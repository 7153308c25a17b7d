"""What lies beside a log and can be read safely: arguments of the run, and its results.

`training_args.bin` holds them all, but it is a pickle, which runs code when it is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.facts.config_files.tree import Tree
from tunewell.readers.logs.columns import number
from tunewell.readers.recipes.files import read_tree
from tunewell.readers.recipes.text import read_text

RESULTS = ("all_results.json", "train_results.json")
"""What the example scripts of transformers save when a training has ended."""

ARGUMENT_FILES = ("training_args.yaml", "hparams.yaml", "torchtune_config.yaml", "config.json")
CARD = "README.md"
ADAPTER = "adapter_config.json"

CARD_NAMES = {
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "num_epochs": "num_train_epochs",
    "training_steps": "max_steps",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "lr_scheduler_warmup_ratio": "warmup_ratio",
}
"""The Trainer's model card calls some arguments otherwise."""

ADAPTER_NAMES = {
    "r": "lora_r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "peft_type": "peft_type",
    "base_model_name_or_path": "model_name_or_path",
}
CARD_LINE = re.compile(r"^- (\w+): (.+)$", re.MULTILINE)
CARD_HEAD = "hyperparameters were used during training"
OPTIMIZER = re.compile(r"Use (?:OptimizerNames\.)?(\w+)", re.IGNORECASE)
MODEL_CONFIG = "architectures"
"""A key of the configuration of a model, which is no argument of a run."""


def settings_beside(folder: Path, files: tuple[str, ...] = ARGUMENT_FILES) -> dict[str, Any]:
    """The arguments that files of a folder tell, by the names of TrainingArguments.

    The surest first: files of arguments, then the adapter's, then the model card, whose numbers
    are as the Trainer printed them. What is damaged is passed over.
    """
    told: dict[str, Any] = {}
    for found in (*(_arguments(folder / name) for name in files), _adapter(folder), _card(folder)):
        for name, value in found.items():
            told.setdefault(name, value)
    return told


def results_beside(folder: Path) -> dict[str, float]:
    """The numbers of all_results.json or train_results.json, nothing where there are none."""
    for name in RESULTS:
        try:
            held = json.loads(read_text(folder / name))
        except (InputError, ValueError, RecursionError):
            continue
        if isinstance(held, dict):
            numbers = {str(key): number(value) for key, value in held.items()}
            return {key: value for key, value in numbers.items() if value is not None}
    return {}


def _tree(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        tree: Tree = read_tree(path, exponents=True)
    except InputError:
        return {}
    return {str(key): value for key, value in tree.values.items()}


def _arguments(path: Path) -> dict[str, Any]:
    held = _tree(path)
    return {} if MODEL_CONFIG in held else dict(held)


def _adapter(folder: Path) -> dict[str, Any]:
    held = _tree(folder / ADAPTER)
    return {
        name: held[key] for key, name in ADAPTER_NAMES.items() if held.get(key) not in (None, "")
    }


def _card(folder: Path) -> dict[str, Any]:
    try:
        text = read_text(folder / CARD)
    except InputError:
        return {}
    _, found, rest = text.partition(CARD_HEAD)
    told: dict[str, Any] = {}
    for name, value in CARD_LINE.findall(rest.partition("\n### ")[0]) if found else ():
        optimizer = OPTIMIZER.match(value) if name == "optimizer" else None
        if optimizer is not None:
            told["optim"] = optimizer[1].lower()
        else:
            told[CARD_NAMES.get(name, name)] = _plain(value)
    return told


def _plain(value: str) -> Any:  # noqa: ANN401  what a card's line holds
    taken = number(value)
    if taken is None:
        return value.strip()
    return int(taken) if re.fullmatch(r"[-+]?\d+", value.strip()) else taken
