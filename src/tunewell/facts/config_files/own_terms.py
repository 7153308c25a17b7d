"""A setting of a recipe in the words of the file that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tunewell.core.finding import SetKey

REVERSED = frozenset({"completion_only_loss", "disable_gradient_checkpointing"})
"""Keys that say the opposite of the recipe's setting."""

SWITCHES = {"bf16": ("bf16", "fp16"), "fp16": ("fp16", "bf16")}
PURE = {
    "pure_bf16": ("bf16", "bfloat16"),
    "bfloat16": ("bf16", "bfloat16"),
    "float16": ("fp16", "float16"),
}
"""Switches for weights that are kept in 16 bits, with what the recipe says where they are on."""

MLP = frozenset({"gate_proj", "up_proj", "down_proj"})
JOINED = frozenset({"lora_target", "additional_target", "dataset", "eval_dataset", "add_tokens"})
"""Keys that take one text with commas for several."""


def own_terms(edit: SetKey) -> Iterator[tuple[str, Any]]:
    """Keys of the file, dotted, with the values that give the setting its new value.

    Most settings have one key and the same value. Precision has two switches, and some keys say the
    opposite or take lists as one text.
    """
    key = edit.key or edit.path
    parent, _, last = key.rpartition(".")
    before = f"{parent}." if parent else ""
    if edit.path == "precision" and last in SWITCHES:
        yield from _switched(before, str(edit.new), str(edit.old))
    elif edit.path == "hardware.dtype" and edit.new is not None and last == "dtype" and not parent:
        yield key, _short(str(edit.new), str(edit.old))
    elif last in REVERSED and isinstance(edit.new, bool):
        yield key, not edit.new
    elif edit.path == "adapter.target_modules" and last == "lora_target_linear":
        yield key, edit.new == "all-linear"
        if edit.new not in {"all-linear", None}:
            yield f"{before}lora_target_modules", edit.new
    elif last == "lora_attn_modules" and isinstance(edit.new, tuple):
        yield from _torchtune(before, edit.new)
    elif last in PURE:
        yield key, edit.new in PURE[last]
    elif last in JOINED and isinstance(edit.new, tuple):
        yield key, ",".join(edit.new)
    elif last == "lora_target" and edit.new == "all-linear":
        yield key, "all"
    else:
        yield key, edit.new


def _switched(before: str, new: str, old: str) -> Iterator[tuple[str, Any]]:
    """bf16 and fp16: one on and the other, if it was written, off."""
    wanted = SWITCHES.get(new)
    if wanted is None:
        yield f"{before}{old if old in SWITCHES else 'bf16'}", False
        return
    on, off = wanted
    yield f"{before}{on}", True
    if old == off:
        yield f"{before}{off}", False


def _torchtune(before: str, modules: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Attention modules by torchtune's names; those of the MLP and the head as switches."""
    attention = [m for m in modules if m not in MLP and m != "lm_head"]
    names = tuple("output_proj" if m == "o_proj" else m for m in attention)
    yield f"{before}lora_attn_modules", names
    yield f"{before}apply_lora_to_mlp", set(modules) >= MLP
    if "lm_head" in modules:
        yield f"{before}apply_lora_to_output", True


def _short(new: str, old: str) -> str:
    """Torchtune calls bfloat16 "bf16"; TRL does not."""
    names = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
    return names.get(new, new) if old in names.values() else new
