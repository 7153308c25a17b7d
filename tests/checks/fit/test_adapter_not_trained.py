"""FIT010 adapter-not-trained, on real models."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.adapter_not_trained import adapter_not_trained
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


@functools.cache
def saved() -> Path:
    """A folder with an adapter of the tiny model."""
    folder = tiny.folder()
    with quiet(1):
        tiny.lora(tiny.causal()).save_pretrained(folder)
    return folder


def loaded(**settings: Any) -> Any:  # noqa: ANN401
    from peft import PeftModel

    with quiet(1):
        return PeftModel.from_pretrained(tiny.causal(), saved(), **settings)


def beside() -> Any:  # noqa: ANN401
    """O14: one adapter for inference in use, the one to train beside it."""
    model = loaded(adapter_name="first")
    with quiet(1):
        model.load_adapter(saved(), "second", is_trainable=True)
    return model


def chosen() -> Any:  # noqa: ANN401
    model = beside()
    model.set_adapter("second")
    return model


def frozen_after() -> Any:  # noqa: ANN401
    """O15: everything frozen once the adapter is there."""
    model = tiny.lora(tiny.causal())
    model.requires_grad_(requires_grad=False)
    return model


def frozen() -> Any:  # noqa: ANN401
    return tiny.causal().requires_grad_(requires_grad=False)


def looked(model: Any) -> Any:  # noqa: ANN401
    """The setup of a trainer with this model."""
    with tempfile.TemporaryDirectory() as out:
        return tiny.looked(tiny.sft(Path(out), model=model))


FAULTY: dict[str, tuple[Callable[[], Any], str]] = {
    "loaded for inference": (loaded, "is_trainable=True"),
    "another adapter in use": (beside, "not in use"),
    "frozen after the adapter was made": (frozen_after, "after it was made"),
    "all frozen": (frozen, "requires_grad is False"),
}


@pytest.mark.reproduces("O13", "O14")
@pytest.mark.parametrize(("build", "said"), FAULTY.values(), ids=FAULTY)
def test_the_cause_is_named(build: Callable[[], Any], said: str) -> None:
    found = run_check(adapter_not_trained, (looked(build()),)).findings
    assert [said in finding.message for finding in found] == [True]


HEALTHY: dict[str, Callable[[], Any]] = {
    "full": tiny.causal,
    "LoRA": lambda: tiny.lora(tiny.causal()),
    "loaded to be trained": lambda: loaded(is_trainable=True),
    "two adapters, one in use": chosen,
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_models_are_quiet(build: Callable[[], Any]) -> None:
    assert not run_check(adapter_not_trained, (looked(build()),)).findings


def test_it_really_trains_nothing(tmp_path: Path) -> None:
    import torch

    trainer = tiny.sft(tmp_path, model=loaded())
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    tiny.train(trainer)
    assert all(torch.equal(before[name], p) for name, p in trainer.model.named_parameters())


class TestAdapterNotTrained(CheckCases):
    """Setups written down."""

    check = adapter_not_trained
    faulty = {"all frozen": (tiny.setup(trainable=0),)}
    nearly = {"one tensor trained": (tiny.setup(trainable=1),)}
    clean = {"all trained": (tiny.setup(),)}
