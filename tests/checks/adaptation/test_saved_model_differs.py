"""ADA020 saved-model-differs, on real trainers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.adaptation.saved_model_differs import saved_model_differs
from tunewell.testing import CheckCases, run_check


def patched(out: Path) -> Any:  # noqa: ANN401
    """S01: the line of the scripts of 2023, by which names are filtered twice."""
    from peft import get_peft_model_state_dict

    model = tiny.lora(tiny.causal())
    old = model.state_dict
    model.state_dict = (
        lambda self, *_, **__: get_peft_model_state_dict(self, old())
    ).__get__(model, type(model))  # fmt: skip
    return tiny.sft(out, model=model)


def head_by_hand(out: Path) -> Any:  # noqa: ANN401
    """O20, S11: a head set trainable beside the adapter, which does not save it."""
    model = tiny.lora(tiny.encoder(num_labels=3), target_modules=["query"], task_type=None)
    model.base_model.model.classifier.requires_grad_(requires_grad=True)
    return tiny.classifier(out, model=model)


def empty(out: Path) -> Any:  # noqa: ANN401
    """S01: a trainer that saves nothing of its adapter."""
    trainer = tiny.sft(out, model=tiny.lora(tiny.causal()))
    kind = type(trainer)

    class Own(kind):  # type: ignore[valid-type]
        def _save(self, output_dir: Any = None, state_dict: Any = None) -> None:  # noqa: ANN401, ARG002
            self.model.save_pretrained(output_dir, state_dict={})

    trainer.__class__ = Own
    return trainer


FAULTY: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a patched state_dict": (patched, "none that PEFT looks for"),
    "a head by hand": (head_by_hand, "in no saved file: base_model.model.classifier"),
    "an empty file": (empty, "its file is empty"),
}


@pytest.mark.parametrize(("build", "said"), FAULTY.values(), ids=FAULTY)
def test_real_trainers_are_found(build: Callable[[Path], Any], said: str, tmp_path: Path) -> None:
    found = run_check(saved_model_differs, (tiny.travelled(build(tmp_path)),)).findings
    assert [said in finding.message for finding in found] == [True]


def coarse() -> Any:  # noqa: ANN401
    import torch

    return tiny.causal().to(torch.bfloat16)


HEALTHY: dict[str, Callable[[Path], Any]] = {
    "full": tiny.sft,
    "tied": lambda out: tiny.sft(out, model=tiny.causal(tie_word_embeddings=True)),
    "bfloat16": lambda out: tiny.sft(out, model=coarse()),
    "a classifier": tiny.classifier,
    "LoRA": lambda out: tiny.sft(out, model=tiny.lora(tiny.causal(), lora_dropout=0.2)),
    "LoRA with autocast": lambda out: tiny.sft(out, model=tiny.lora(tiny.causal()), bf16=True),
    "LoRA with saved modules": lambda out: tiny.sft(
        out, model=tiny.lora(tiny.causal(), modules_to_save=["embed_tokens", "lm_head"])
    ),
    "LoRA with chosen tokens": lambda out: tiny.sft(
        out, model=tiny.lora(tiny.causal(), trainable_token_indices=[1, 2])
    ),
    "LoRA on a classifier": lambda out: tiny.classifier(
        out,
        model=tiny.lora(tiny.encoder(num_labels=3), target_modules=["query"], task_type="SEQ_CLS"),
    ),
    "DPO": lambda out: tiny.dpo(out, tiny.lora(tiny.causal())),
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_trainers_lose_nothing(build: Callable[[Path], Any], tmp_path: Path) -> None:
    trip = tiny.travelled(build(tmp_path))
    assert trip.difference is not None
    assert trip.difference < (0.1 if trip.coarse else 1e-3)
    assert not run_check(saved_model_differs, (trip,)).findings


class TestSavedModelDiffers(CheckCases):
    """Round trips written down."""

    check = saved_model_differs
    faulty = {
        "other outputs": (tiny.round_trip(difference=0.6),),
        "not loaded": (tiny.round_trip(difference=None, raised="RuntimeError: size mismatch"),),
        "not a number": (tiny.round_trip(not_finite=("lora_A",)),),
        "compiled": (tiny.round_trip(prefixed=True),),
        "no effect": (tiny.round_trip(adapter=True, effect=0.4, effect_loaded=0.0),),
    }
    nearly = {
        "rebuilt buffers in 16 bits": (tiny.round_trip(difference=0.03, coarse=True),),
        "an adapter that did nothing before": (
            tiny.round_trip(adapter=True, effect=0.0, effect_loaded=0.0),
        ),
    }
    clean = {"the same": (tiny.round_trip(),)}
