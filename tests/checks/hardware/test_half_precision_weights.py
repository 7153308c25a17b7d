"""HW010 half-precision-weights, beside models that transformers loads and trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model, token_rows

from tunewell.checks.hardware.half_precision_weights import half_precision_weights
from tunewell.core.finding import Confidence, Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Adapter, Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases, run_check

BF16 = Checkpoint(Path("model"), {"model_type": "llama", "dtype": "bfloat16"})
OLD_BF16 = Checkpoint(Path("model"), {"model_type": "llama", "torch_dtype": "bfloat16"})
FP32 = Checkpoint(Path("model"), {"model_type": "llama", "dtype": "float32"})
FP16 = Checkpoint(Path("model"), {"model_type": "llama", "dtype": "float16"})
LOADED = (Written("AutoModelForCausalLM.from_pretrained", "model_name", "m", Place()),)


def recipe(**settings: Any) -> Recipe:  # noqa: ANN401
    """A full fine-tune by transformers."""
    return Recipe(**{"format": "transformers", "learning_rate": 1e-5, **settings})


class TestHalfPrecisionWeights(CheckCases):
    """Planted, nearly faulty and clean precisions."""

    check = half_precision_weights
    faulty = {
        "the files are bf16": (recipe(precision="bf16"), BF16),
        "the files are bf16, by the older name": (recipe(), OLD_BF16),
        "auto": (
            recipe(hardware=Hardware(dtype="auto"), given=frozenset({"hardware.dtype"})),
            BF16,
        ),
        "a trainer whose model is bf16": (recipe(hardware=Hardware(dtype="bfloat16")),),
        "a script that loads the model for TRL": (recipe(format="trl", written=LOADED), BF16),
        "fp16 with its scaler": (recipe(precision="fp16"), FP16),
        "fp16 without a scaler": (recipe(), FP16),
    }
    nearly = {
        "bf16 as asked for": (
            recipe(hardware=Hardware(dtype="bfloat16"), given=frozenset({"hardware.dtype"})),
            BF16,
        ),
        "adapters over bf16": (recipe(method="lora", adapter=Adapter()), BF16),
        "TRL loads fp32 by name": (recipe(format="trl"), BF16),
        "a real step was taken": (recipe(), BF16, ModelState((), 1e-5)),
        "axolotl has rules of its own": (recipe(format="axolotl"), BF16),
        "pure bf16 by LLaMA-Factory": (
            recipe(format="llamafactory", hardware=Hardware(dtype="bfloat16")),
            BF16,
        ),
        "DeepSpeed keeps fp32 copies": (recipe(hardware=Hardware(deepspeed={"bf16": {}})), BF16),
    }
    clean = {
        "the files are fp32": (recipe(precision="bf16"), FP32),
        "fp32 as asked for": (
            recipe(hardware=Hardware(dtype="float32"), given=frozenset({"hardware.dtype"})),
            BF16,
        ),
        "not known": (recipe(),),
    }


def moved(folder: Path, **loading: Any) -> tuple[float, Any]:  # noqa: ANN401
    """Share of the matrices' weights that one step at 1e-5 changes, and the trainer."""
    from transformers import AutoModelForCausalLM, Trainer

    model = AutoModelForCausalLM.from_pretrained(folder / "model", **loading)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    trainer = Trainer(
        model=model,
        args=arguments(folder, max_steps=1, learning_rate=1e-5, save_strategy="no"),
        train_dataset=token_rows(8),
    )
    trainer.train()
    layers = [(n, p) for n, p in model.named_parameters() if "proj" in n]
    changed = sum(int((p != before[n]).sum()) for n, p in layers)
    return changed / sum(p.numel() for _, p in layers), trainer


@pytest.mark.reproduces("P03")
def test_a_model_saved_in_bf16_is_trained_in_bf16(tmp_path: Path) -> None:
    """Nobody asked for it, and most weights stay where they are; in fp32 all of them move."""
    import torch

    language_model().to(torch.bfloat16).save_pretrained(tmp_path / "model")
    share, trainer = moved(tmp_path)
    assert share < 0.3
    assert run_check(half_precision_weights, (recipe_of(trainer),)).findings
    share, trainer = moved(tmp_path, dtype=torch.float32)
    assert share > 0.99
    assert not run_check(half_precision_weights, (recipe_of(trainer),)).findings


@pytest.mark.reproduces("P04")
def test_the_scaler_refuses_fp16_weights() -> None:
    """The scaler of torch on the CPU; with transformers the same one runs on a GPU."""
    import torch

    model = torch.nn.Linear(2, 1).to(torch.float16)
    scaler = torch.amp.GradScaler("cpu")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler.scale(model(torch.ones(1, 2, dtype=torch.float16)).sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(optimizer)
    found = run_check(half_precision_weights, (recipe(precision="fp16"), FP16)).findings[0]
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.HIGH)
    whole = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(whole.parameters(), lr=0.1)
    scaler.scale(whole(torch.ones(1, 2)).sum()).backward()
    scaler.unscale_(optimizer)
    assert not run_check(half_precision_weights, (recipe(precision="fp16"), FP32)).findings
