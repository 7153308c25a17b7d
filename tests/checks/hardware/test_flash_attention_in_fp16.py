"""HW055 flash-attention-in-fp16."""

from __future__ import annotations

from tunewell.checks.hardware.flash_attention_in_fp16 import flash_attention_in_fp16
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.subjects.versions import Versions
from tunewell.testing import CheckCases


def transformers(version: str) -> Versions:
    """This version, pinned."""
    return Versions({"transformers": version}, frozenset({"transformers"}))


def recipe(attention: str | None = "flash_attention_2", precision: str = "bf16") -> Recipe:
    """A recipe with this attention."""
    return Recipe(
        precision=precision,
        format="transformers",
        hardware=Hardware(attn_implementation=attention, load_in_4bit=True),
    )


OLD_NAME = Recipe(
    precision="bf16",
    format="transformers",
    written=(Written("from_pretrained", "use_flash_attention_2", value=True, place=Place()),),
)


class TestFlashAttentionInFp16(CheckCases):
    """Versions before and after the repair."""

    check = flash_attention_in_fp16
    faulty = {
        "4.34": (recipe(), transformers("4.34.1")),
        "by its old name": (OLD_NAME, transformers("4.34.0")),
    }
    nearly = {
        "4.35": (recipe(), transformers("4.35.0")),
        "5.23": (recipe(), transformers("5.23.0")),
        "4.33 has none": (recipe(), transformers("4.33.2")),
        "in an fp16 run": (recipe(precision="fp16"), transformers("4.34.1")),
        "no version": (recipe(), Versions()),
    }
    clean = {"sdpa": (recipe("sdpa"), transformers("4.34.1"))}
