"""HW017 packed-weights-sharded. FSDP and bitsandbytes need a GPU: the rule alone."""

from __future__ import annotations

from pathlib import Path

from tunewell.checks.hardware.packed_weights_sharded import STORAGE, packed_weights_sharded
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases

FSDP = {"version": 2}
SET = (Written("BitsAndBytesConfig", STORAGE, "bfloat16", Place()),)


def recipe(
    *,
    fsdp: bool = True,
    four: bool = True,
    written: tuple[Written, ...] = (),
    format: str = "trl",  # noqa: A002  the recipe's own name
    file: Path | None = Path("train.py"),
) -> Recipe:
    """QLoRA under FSDP."""
    hardware = Hardware(load_in_4bit=four, fsdp=FSDP if fsdp else None)
    return Recipe(method="qlora", hardware=hardware, written=written, format=format, file=file)


class TestPackedWeightsSharded(CheckCases):
    """Planted, nearly faulty and clean recipes."""

    check = packed_weights_sharded
    faulty = {"nothing said": (recipe(),)}
    nearly = {
        "the storage is set": (recipe(written=SET),),
        "axolotl sets it": (recipe(format="axolotl"),),
        "a trainer that is already made": (recipe(file=None),),
    }
    clean = {"whole weights": (recipe(four=False),), "one GPU": (recipe(fsdp=False),)}
