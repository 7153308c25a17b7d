"""A configuration file of any known format, and those that belong to it, as one recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.facts.config_files.json_tree import parse_json
from tunewell.facts.config_files.tree import DamagedError, Tree
from tunewell.facts.config_files.yaml_tree import parse_yaml
from tunewell.knowledge.config_defaults import defaults_of
from tunewell.readers.recipes import axolotl, launch, lightning, llamafactory, torchtune
from tunewell.readers.recipes.draft import Draft, Table, table_of
from tunewell.readers.recipes.hugging_face import (
    GENERIC_TRL,
    LORA_ARGUMENTS,
    take_arguments,
    take_lora,
    take_model_arguments,
)
from tunewell.readers.recipes.kinds import PEFT, STARTERS, TRANSFORMERS, Kind, kind_of
from tunewell.readers.recipes.text import read_text
from tunewell.subjects.recipe import Recipe

EXPONENTS = frozenset({"torchtune", "llamafactory", "lightning"})
"""Formats whose loader takes `5e-5` for a number; PyYAML takes it for a text."""


def read_tree(path: Path, *, exponents: bool = False) -> Tree:
    """A JSON or YAML file with the place of each key.

    Raises:
        InputError: if it cannot be read or is damaged.
    """
    text = read_text(path)
    try:
        return parse_json(text) if path.suffix == ".json" else parse_yaml(text, exponents=exponents)
    except DamagedError as error:
        message = f"{path}: {error}"
        raise InputError(message) from None


def look_at(path: Path) -> Kind | None:
    """What configuration a JSON or YAML file is, None if it is none.

    Raises:
        InputError: if it cannot be read or is damaged.
    """
    return kind_of(read_tree(path).values, path.stem)


def read_config(path: Path, companions: Iterable[Path] = ()) -> Recipe:
    """The recipe of a configuration file.

    Args:
        path: JSON or YAML of a known format.
        companions: files that say more of the same run: of accelerate, DeepSpeed or FSDP.

    Raises:
        InputError: if a file cannot be read, is damaged, or is no configuration of a training.
        SettingsError: if a value is of the wrong type or cannot be.
    """
    tree = read_tree(path)
    kind = kind_of(tree.values, path.stem)
    if kind is None:
        message = (
            f"{path}: is no known configuration of a training; known are those of Hugging Face "
            "TrainingArguments, TRL, PEFT, axolotl, LLaMA-Factory, torchtune, accelerate, "
            "DeepSpeed, FSDP and Lightning"
        )
        raise InputError(message)
    if not kind.trains:
        message = f"{path}: {kind.reason}, but not for training"
        raise InputError(message)
    if kind.format in EXPONENTS and path.suffix != ".json":
        tree = read_tree(path, exponents=True)
    draft = Draft(kind.format, path)
    TAKERS[kind.format](draft, table_of(tree, kind.owner, path))
    add_companions(draft, companions)
    return draft.recipe()


def add_companions(draft: Draft, companions: Iterable[Path]) -> None:
    """What files that start the run say; the main file comes first."""
    for path in companions:
        tree = read_tree(path)
        kind = kind_of(tree.values, path.stem)
        if kind is not None and kind.format in STARTERS:
            TAKERS[kind.format](draft, table_of(tree, kind.owner, path))


def _take_transformers(draft: Draft, table: Table) -> None:
    draft.note(table)
    draft.assume(TRANSFORMERS)
    draft.values.setdefault("task", "unknown")
    draft.take(table, {"model_name_or_path": "model"})
    take_arguments(draft, table, trl=False)
    if "generation_num_beams" in table.settings or table.value("predict_with_generate"):
        draft.values["task"] = "seq2seq"


def _take_trl(draft: Draft, table: Table) -> None:
    draft.note(table)
    draft.assume(table.owner)
    draft.values.setdefault("task", "unknown")
    if table.owner == GENERIC_TRL:
        draft.leave_open("max_length")
        if "learning_rate" not in table.settings:
            draft.leave_open("learning_rate")
    take_arguments(draft, table, trl=True)
    take_model_arguments(draft, table)


def _take_peft(draft: Draft, table: Table) -> None:
    """Settings of an adapter alone: how it is trained they do not tell."""
    draft.note(table)
    draft.assume("LoraConfig")
    draft.assume(TRANSFORMERS)
    draft.take(table, {"base_model_name_or_path": "model"})
    take_lora(draft, table, LORA_ARGUMENTS)
    kind = str(table.value("peft_type") or "LORA").lower()
    draft.values |= {"adapter.kind": kind, "method": "lora", "task": "unknown"}
    trained = {*launch.LEARNING, *defaults_of(TRANSFORMERS)} - {"method"}
    draft.leave_open(*sorted(trained))


TAKERS: Mapping[str, Callable[[Draft, Table], None]] = {
    TRANSFORMERS: _take_transformers,
    GENERIC_TRL: _take_trl,
    PEFT: _take_peft,
    "axolotl": axolotl.take_axolotl,
    "llamafactory": lambda draft, table: (
        llamafactory.take_v1(draft, table)
        if table.owner == llamafactory.V1
        else llamafactory.take_llamafactory(draft, table)
    ),
    "torchtune": torchtune.take_torchtune,
    "lightning": lightning.take_lightning,
    launch.ACCELERATE: launch.take_accelerate,
    launch.DEEPSPEED: launch.take_deepspeed_alone,
    launch.FSDP: launch.take_fsdp_alone,
}
