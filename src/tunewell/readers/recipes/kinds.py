"""Which program a configuration file is for, told by its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tunewell.readers.recipes import axolotl, launch, lightning, llamafactory, torchtune
from tunewell.readers.recipes.hugging_face import (
    ARGUMENTS,
    CONFIGS,
    GENERIC_TRL,
    TRL_ARGUMENTS,
    config_of,
)

TRANSFORMERS, PEFT = "transformers", "peft"
SETTINGS_SUFFIXES = (".yaml", ".yml", ".json")
STARTERS = frozenset({launch.ACCELERATE, launch.DEEPSPEED, launch.FSDP})
"""Formats that say how a run is started and leave what is learned to another file."""

SHOWN = 3
CERTAIN = frozenset({"num_train_epochs", "per_device_train_batch_size", "lr_scheduler_type"})
TRL_OWN = frozenset(TRL_ARGUMENTS) | {"dataset_name", "use_peft", "lora_target_modules"}
AXOLOTL = (
    "micro_batch_size", "sequence_len", "datasets", "adapter", "num_epochs", "pretraining_dataset",
    "sample_packing", "val_set_size", "lora_r", "rl",
)  # fmt: skip
LLAMAFACTORY = (
    "finetuning_type", "stage", "template", "cutoff_len", "lora_target", "lora_rank",
    "dataset_dir", "quantization_bit",
)  # fmt: skip
LLAMAFACTORY_V1 = ("train_dataset", "peft_config", "dist_config", "sample_backend", "cutoff_len")
LIGHTNING = (
    "max_epochs", "max_steps", "accelerator", "devices", "precision", "accumulate_grad_batches",
    "callbacks", "strategy", "gradient_clip_val",
)  # fmt: skip
TRAINED = (
    "do_train", "learning_rate", "num_train_epochs", "per_device_train_batch_size", "max_steps",
)  # fmt: skip
ACCELERATE = ("num_processes", "mixed_precision", "num_machines", "machine_rank")


@dataclass(frozen=True, slots=True)
class Kind:
    """The format of a file and why it was taken for it.

    `format` is that of the recipe, `owner` the class or format that reads its keys. `trains` is
    False for a file that is not for training: it is told, and gives no recipe.
    """

    format: str
    owner: str
    reason: str
    trains: bool = True


def kind_of(values: Mapping[str, Any], stem: str) -> Kind | None:
    """The kind of file that has these keys, None if it is no configuration of a training.

    Args:
        values: the file as plain values.
        stem: the name of the file, which settles which trainer of TRL a file is for.
    """
    keys = set(values)
    if "peft_type" in keys:
        return Kind(PEFT, "LoraConfig", _why("the adapter settings of PEFT", {"peft_type"}))
    found = _starter(keys) or _recipe_tool(values, keys)
    if found is not None:
        return found
    trainer = values.get("trainer", (values.get("fit") or {}).get("trainer")
                         if isinstance(values.get("fit"), Mapping) else None)  # fmt: skip
    if isinstance(trainer, Mapping) and (seen := keys_in(trainer, LIGHTNING)):
        return Kind("lightning", lightning.OWNER, _why("settings of Lightning, trainer", seen))
    return _hugging_face(values, keys, stem)


def _starter(keys: set[str]) -> Kind | None:
    """A file that only says how a run is started."""
    if {"distributed_type", "compute_environment"} & keys and (seen := keys_in(keys, ACCELERATE)):
        why = _why("settings of accelerate", {"distributed_type"} & keys | seen)
        return Kind(launch.ACCELERATE, launch.ACCELERATE, why)
    deepspeed = {
        "zero_optimization",
        "train_micro_batch_size_per_gpu",
        "zero_allow_untested_optimizer",
    }
    if seen := deepspeed & keys:
        return Kind(launch.DEEPSPEED, launch.DEEPSPEED, _why("settings of DeepSpeed", seen))
    fsdp = {"transformer_layer_cls_to_wrap", "fsdp_transformer_layer_cls_to_wrap",
            "fsdp_auto_wrap_policy", "fsdp_state_dict_type"}  # fmt: skip
    if (seen := fsdp & keys) and not keys & set(ARGUMENTS) and "base_model" not in keys:
        return Kind(launch.FSDP, launch.FSDP, _why("settings of FSDP", seen))
    return None


def _recipe_tool(values: Mapping[str, Any], keys: set[str]) -> Kind | None:
    """A file of a tool that has a whole format of its own."""
    parts = {k for k, v in values.items() if isinstance(v, Mapping) and torchtune.COMPONENT in v}
    if parts:
        trains = {"optimizer", "loss"} <= parts
        why = _why("a torchtune recipe, components", parts)
        return Kind("torchtune", torchtune.OWNER, why, trains)
    if "base_model" in keys and (seen := keys_in(keys, AXOLOTL)):
        trains = bool({"learning_rate", "num_epochs", "micro_batch_size", "max_steps"} & keys)
        why = _why("settings of axolotl", {"base_model"} | seen)
        return Kind("axolotl", axolotl.OWNER, why, trains)
    if "model_name_or_path" in keys and (seen := keys_in(keys, LLAMAFACTORY)):
        trains = _is_set(values, "do_train") or not (
            {"do_predict", "do_eval", "export_dir", "infer_backend"} & keys
            or not keys & set(TRAINED)
        )
        why = _why("settings of LLaMA-Factory", {"model_name_or_path"} | seen)
        return Kind("llamafactory", llamafactory.OWNER, why, trains)
    if isinstance(values.get("model"), str) and (seen := keys_in(keys, LLAMAFACTORY_V1)):
        trains = bool(keys & {"micro_batch_size", "learning_rate", "train_dataset", "max_steps"})
        why = _why("settings of LLaMA-Factory", {"model"} | seen)
        return Kind("llamafactory", llamafactory.V1, why, trains)
    return None


def _hugging_face(values: Mapping[str, Any], keys: set[str], stem: str) -> Kind | None:
    arguments = keys & (set(ARGUMENTS) | {"bf16", "fp16", "warmup_ratio", "warmup_steps"})
    own = keys & TRL_OWN | {key for telling in CONFIGS.values() for key in telling if key in keys}
    told = arguments & CERTAIN or len(arguments) > 1 or (arguments and own)
    if not told:
        return None
    if not own:
        why = _why("arguments of TrainingArguments", arguments)
        return Kind(TRANSFORMERS, "TrainingArguments", why)
    owner = config_of(values, stem)
    if owner == GENERIC_TRL and not {"dataset_name", "use_peft"} & keys:
        owner = "SFTConfig" if "max_length" in keys else "TrainingArguments"
    if owner == "TrainingArguments":
        return Kind(TRANSFORMERS, owner, _why("arguments of TrainingArguments", arguments))
    if owner == GENERIC_TRL:
        return Kind(GENERIC_TRL, owner, _why("arguments of a trainer of TRL", own))
    return Kind(GENERIC_TRL, owner, _why(f"arguments of TRL's {owner}", own))


def keys_in(there: Iterable[str], known: Iterable[str]) -> set[str]:
    """The known keys that are there."""
    return set(there) & set(known)


def _is_set(values: Mapping[str, Any], key: str) -> bool:
    return values.get(key) is True


def _why(what: str, keys: Iterable[str]) -> str:
    shown = sorted(keys)
    more = ", ..." if len(shown) > SHOWN else ""
    return f"{what} ({', '.join(shown[:SHOWN])}{more})"


LIKELY = re.compile(
    r"learning_rate|num_train_epochs|per_device_train_batch_size|lr_scheduler_type|output_dir"
    r"|model_name_or_path|base_model|micro_batch_size|train_dataset|peft_|_component_|trainer"
    r"|distributed_type|compute_environment|zero_|fsdp_|transformer_layer_cls_to_wrap"
)
"""What a configuration holds somewhere: text without it need not be parsed."""

TELLING = re.compile(
    r"^\s*[\"']?(num_train_epochs|per_device_train_batch_size|lr_scheduler_type|base_model"
    r"|micro_batch_size|finetuning_type|_component_|distributed_type|zero_optimization|peft_type)"
    r"[\"']?\s*:",
    re.MULTILINE,
)
"""A line by which text that cannot be parsed is still told for a configuration."""
