"""What flags make of a recipe: precision above all, and refusals of what cannot be meant."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType

import pytest

from tunewell.api.planning.flags import Flags, Overridden, default_recipe, overridden
from tunewell.core.errors import SettingsError
from tunewell.subjects.recipe import Adapter, Hardware, Place, Recipe


def alone(flags: Flags, *, stored: str | None = "bfloat16", bf16: bool = True) -> Overridden:
    """Flags with no configuration."""
    flags.validate()
    return overridden(default_recipe("sft"), flags, stored=stored, bf16=bf16, written=False)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        # The Trainer's mixed precision: fp32 weights are trained, in autocast.
        (Flags(precision="bf16"), ("fp32", "bf16")),
        (Flags(precision="bf16", autocast=False), ("bf16", None)),
        (Flags(precision="fp16", autocast=True), ("fp32", "fp16")),
        (Flags(precision="fp32"), ("fp32", None)),
        # Frozen weights are in the precision itself.
        (Flags(method="lora", precision="bf16"), ("bf16", "bf16")),
        (Flags(method="lora", precision="fp16", autocast=False), ("fp16", None)),
        (Flags(method="qlora", precision="bf16"), ("bf16", "bf16")),
        # Nothing said: what the model's files are in.
        (Flags(), ("fp32", "bf16")),
        (Flags(method="lora"), ("bf16", "bf16")),
    ],
)
def test_precision_without_a_configuration(flags: Flags, expected: tuple[str, str | None]) -> None:
    assert alone(flags).precision == expected


def test_a_gpu_without_bf16_gets_fp16_and_full_weights_stay_full() -> None:
    assert alone(Flags(method="lora"), bf16=False).precision == ("fp16", "fp16")
    assert alone(Flags(), stored="float32").precision == ("fp32", None)
    assert alone(Flags(), stored=None).precision == ("fp32", None)


def test_a_configuration_keeps_its_own_precision_unless_a_flag_names_one() -> None:
    recipe = Recipe(task="sft", format="trl", precision="bf16")
    kept = overridden(recipe, Flags(batch=2), stored=None, bf16=True, written=True)
    assert kept.precision is None
    assert kept.recipe.precision == "bf16"
    off = overridden(recipe, Flags(autocast=False), stored=None, bf16=True, written=True)
    assert off.precision == ("bf16", None)
    with pytest.raises(SettingsError, match="--precision bf16 or fp16"):
        overridden(Recipe(), Flags(autocast=True), stored=None, bf16=True, written=True)


def test_a_flag_goes_before_the_file_and_its_place_is_gone() -> None:
    at = Place(Path("sft.yaml"), 3, "per_device_train_batch_size")
    recipe = Recipe(
        task="sft",
        format="trl",
        per_device_train_batch_size=16,
        hardware=Hardware(gradient_checkpointing=False),
        given=frozenset({"per_device_train_batch_size"}),
        places=MappingProxyType({"per_device_train_batch_size": at}),
    )
    flags = Flags(batch=2, checkpointing=True, seq=256, optimizer="adamw", gpus=4, epochs=2)
    found = overridden(recipe, flags, stored=None, bf16=True, written=True).recipe
    assert found.per_device_train_batch_size == 2
    assert found.hardware.gradient_checkpointing
    assert (found.max_length, found.optim) == (256, "adamw_torch")
    assert found.effective_batch_size == 8
    assert (found.num_train_epochs, found.max_steps) == (2, -1)
    assert "per_device_train_batch_size" not in found.places
    assert "hardware.gradient_checkpointing" in found.given


def test_adapters_by_flags() -> None:
    found = alone(Flags(method="lora", lora_rank=32, lora_targets="q_proj, v_proj")).recipe
    assert found.adapter == Adapter(r=32, target_modules=("q_proj", "v_proj"))
    every = alone(Flags(method="qlora", lora_targets="all-linear")).recipe
    assert every.adapter is not None
    assert every.adapter.target_modules == "all-linear"
    assert every.hardware.load_in_4bit
    assert "PEFT" in " ".join(alone(Flags(method="lora")).assumptions)
    recipe = dataclasses.replace(Recipe(method="lora"), adapter=Adapter(r=4))
    full = overridden(recipe, Flags(method="full"), stored=None, bf16=True, written=True)
    assert full.recipe.adapter is None


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (Flags(batch=-4), "--batch must be at least 1, not -4"),
        (Flags(seq=0), "--seq must be at least 1"),
        (Flags(lora_rank=0), "--lora-rank must be at least 1"),
        (Flags(epochs=0), "--epochs must be above 0"),
        (Flags(epochs=float("nan")), "--epochs must be above 0"),
        (Flags(method="sft"), "--method 'sft' is none of full, lora, qlora"),
        (Flags(precision="int8"), "--precision 'int8' is none of"),
        (Flags(attention="xformers"), "--attention 'xformers' is none of"),
        (Flags(task="rlhf"), "--task 'rlhf' is none of"),
        (Flags(optimizer="adam8"), "--optimizer 'adam8' is none of"),
        (Flags(precision="fp32", autocast=True), "--autocast computes in 16 bits"),
        (Flags(model=" "), "--model names nothing"),
        (Flags(batch=10**20), "--batch must be at most 1,000,000"),
        (Flags(epochs=float("inf")), "--epochs must be above 0 and at most"),
        (Flags(lora_dropout=1.0), "--lora-dropout must be 0 or more and below 1"),
        (Flags(target_seq=0), "--target-seq must be at least 1"),
        (Flags(loop="lightning"), "--loop 'lightning' is none of trainer, plain"),
        (Flags(torch="new"), "--torch 'new' is no version of PyTorch"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(flags: Flags, told: str) -> None:
    with pytest.raises(SettingsError, match="^" + told.replace("(", r"\(")) as raised:
        flags.validate()
    assert "\n" not in str(raised.value)


def test_adapters_without_the_method_are_refused() -> None:
    with pytest.raises(SettingsError, match="need --method lora"):
        alone(Flags(lora_rank=8))
    with pytest.raises(SettingsError, match="names no module"):
        alone(Flags(method="lora", lora_targets=" , "))


def test_double_quantisation_needs_packed_weights_and_dropout_an_adapter() -> None:
    with pytest.raises(SettingsError, match="--double-quant needs --method qlora"):
        alone(Flags(method="lora", double_quant=True))
    with pytest.raises(SettingsError, match="--lora-dropout need --method lora"):
        alone(Flags(lora_dropout=0.1))
    found = alone(Flags(method="qlora", double_quant=True, lora_dropout=0.1))
    assert found.recipe.adapter == Adapter(lora_dropout=0.1)
    assert "PEFT" in " ".join(found.assumptions)


@pytest.mark.parametrize(
    ("flags", "written", "loop"),
    [
        (Flags(precision="bf16"), False, "trainer"),
        (Flags(precision="bf16", autocast=False), False, "plain"),
        (Flags(precision="bf16", autocast=False, loop="trainer"), False, "trainer"),
        (Flags(autocast=True, precision="bf16", loop="plain"), False, "plain"),
        (Flags(precision="bf16", autocast=False), True, "trainer"),
    ],
)
def test_who_runs_the_step(flags: Flags, written: bool, loop: str) -> None:
    found = overridden(default_recipe("sft"), flags, stored=None, bf16=True, written=written)
    assert found.loop == loop
    told = "training loop of your own" in " ".join(found.assumptions)
    assert told == (loop == "plain" and flags.loop is None)
