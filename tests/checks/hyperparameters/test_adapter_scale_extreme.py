"""HYP014 adapter-scale-extreme."""

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.adapter_scale_extreme import adapter_scale_extreme
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import CheckCases


def scaled(r: int, alpha: float, *, root: bool = False) -> Recipe:
    adapter = Adapter(r=r, lora_alpha=alpha, use_rslora=root)
    return Recipe(task="sft", method="lora", adapter=adapter)


class TestAdapterScaleExtreme(CheckCases):
    """Beyond what is published, and at its ends."""

    check = adapter_scale_extreme
    faulty = {
        "alpha left behind": (scaled(1024, 16),),
        "alpha for a rank of thousands": (scaled(8, 512),),
        "twice the rank with the root": (scaled(512, 1024, root=True),),
        "no update at all": (scaled(8, 0),),
    }
    nearly = {
        "LoRA Without Regret at rank 1": (scaled(1, 32),),
        "the same at rank 512": (scaled(512, 32),),
        "a fixed alpha with the root": (scaled(1024, 16, root=True),),
        "QLoRA's": (scaled(64, 16),),
    }
    clean = {
        "alpha of twice the rank": (scaled(16, 32),),
        "PEFT's default": (Recipe(task="sft", method="lora", adapter=Adapter()),),
        "an adapter without rank": (Recipe(adapter=Adapter(kind="ia3", lora_alpha=0)),),
        "no adapter": (Recipe(),),
    }


def _fall(alpha: float, *, root: bool = False) -> float:
    """By how much the loss falls in 12 steps at a scale, with the real adapter."""
    import torch

    model = tiny.lora(tiny.causal(), r=64, lora_alpha=alpha, use_rslora=root, lora_dropout=0.0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    rows = torch.arange(40).reshape(2, 20)
    losses = []
    for _ in range(12):
        loss = model(input_ids=rows, labels=rows).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return float(losses[0] - losses[-1])


def test_the_real_adapter_hardly_learns_at_a_small_scale() -> None:
    """A scale of 0.016 against 1, everything else the same."""
    assert _fall(1) < 0.15 * _fall(64)


def test_the_scale_is_pefts_own() -> None:
    """Alpha by the rank, or by its root."""
    for r, alpha, root in ((64, 1, False), (64, 128, True)):
        model = tiny.lora(tiny.causal(), r=r, lora_alpha=alpha, use_rslora=root)
        real = next(
            module.scaling["default"]
            for module in model.modules()
            if isinstance(getattr(module, "scaling", None), dict)
        )
        from tunewell.facts.adapter import scale

        adapter = scaled(r, alpha, root=root).adapter
        assert adapter is not None
        assert scale(adapter) == pytest.approx(real)
