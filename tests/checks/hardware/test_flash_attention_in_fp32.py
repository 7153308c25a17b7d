"""HW012 flash-attention-in-fp32, beside what transformers hands to the kernel."""

from __future__ import annotations

from pathlib import Path

from tests.checks.tiny_trainers import language_model

from tunewell.checks.hardware.flash_attention_in_fp32 import flash_attention_in_fp32
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check

FP32 = Checkpoint(Path("model"), {"dtype": "float32"})
BF16 = Checkpoint(Path("model"), {"dtype": "bfloat16"})


def recipe(
    precision: str = "fp32",
    *,
    dtype: str | None = None,
    attention: str | None = "flash_attention_2",
    four: bool = False,
) -> Recipe:
    """A recipe with such an attention."""
    hardware = Hardware(dtype=dtype, attn_implementation=attention, load_in_4bit=four)
    return Recipe(precision=precision, hardware=hardware, format="transformers")


class TestFlashAttentionInFp32(CheckCases):
    """Planted, nearly faulty and clean precisions."""

    check = flash_attention_in_fp32
    faulty = {
        "fp32 as asked for": (recipe(dtype="float32"), BF16),
        "fp32 by the model's files": (recipe(attention="flash_attention_3"), FP32),
        "by its name on the hub": (recipe(attention="kernels-community/flash_attention_2"), FP32),
    }
    nearly = {
        "mixed precision": (recipe("bf16", dtype="float32"),),
        "bf16 by the model's files": (recipe(), BF16),
        "quantised": (recipe(four=True), FP32),
        "not known": (recipe(),),
    }
    clean = {
        "another attention": (recipe(dtype="float32", attention="sdpa"),),
        "nothing said": (recipe(dtype="float32", attention=None),),
    }


def test_what_is_handed_to_the_kernel() -> None:
    """fp32 stays fp32 without autocast, and becomes bf16 with it."""
    import torch
    from transformers.integrations.flash_attention import get_target_dtype

    attention = language_model().model.layers[0].self_attn
    query = torch.zeros(1, 2, 2, 8)
    assert get_target_dtype(query, attention) is torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert get_target_dtype(query, attention) is torch.bfloat16
    assert run_check(flash_attention_in_fp32, (recipe(dtype="float32"),)).findings
    assert not run_check(flash_attention_in_fp32, (recipe("bf16", dtype="float32"),)).findings
