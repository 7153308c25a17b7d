"""The defaults of trainers against those of the installed libraries."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest

from tunewell.knowledge.config_defaults import defaults_of, tables
from tunewell.readers.recipes.hugging_face import ARGUMENTS, CLI_LORA, LORA_ARGUMENTS, TRL_ARGUMENTS


def fields_of(cls: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


def library_class(name: str) -> type[Any]:
    import peft
    import transformers
    import trl

    named = {"transformers": transformers.TrainingArguments, "LoraConfig": peft.LoraConfig}
    found: type[Any] = named[name] if name in named else getattr(trl, name)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "transformers", "SFTConfig", "DPOConfig", "KTOConfig", "RewardConfig", "GRPOConfig",
        "RLOOConfig", "LoraConfig", "ModelConfig",
    ],
)  # fmt: skip
def test_what_nobody_writes_is_what_the_library_takes(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fields = fields_of(library_class(name))
    named = {"LoraConfig": LORA_ARGUMENTS, "ModelConfig": {**CLI_LORA, "dtype": "hardware.dtype"}}
    checkpointing = {"gradient_checkpointing": "hardware.gradient_checkpointing"}
    own = named.get(name, {**ARGUMENTS, **TRL_ARGUMENTS, **checkpointing})
    held = 0
    defaults = defaults_of(name)
    for argument, path in own.items():
        if argument in fields and path in defaults and fields[argument] is not None:
            assert defaults[path] == fields[argument], argument
            held += 1
    assert held >= 5


def test_every_table_names_its_version_and_a_known_parent() -> None:
    for table in tables().values():
        assert any(letter.isdigit() for letter in table.version)
        assert table.like is None or table.like in tables()


def test_trl_trains_in_bf16_unless_told(tmp_path: Path) -> None:
    from trl import SFTConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert SFTConfig(output_dir=str(tmp_path), report_to="none", use_cpu=True).bf16 is True
    assert defaults_of("SFTConfig")["precision"] == "bf16"
