"""HW030 updates-rounded-away, on real steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hardware.updates_rounded_away import updates_rounded_away
from tunewell.core.finding import Number
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check


def coarse(out: Path, rate: float = 1e-5, **settings: Any) -> Any:  # noqa: ANN401
    import torch

    model = tiny.causal().to(torch.bfloat16)
    return tiny.sft(out, model=model, learning_rate=rate, **settings)


def adapter(out: Path) -> Any:  # noqa: ANN401
    """A base in 16 bits with an adapter that PEFT keeps in 32."""
    import torch

    model = tiny.lora(tiny.causal().to(torch.bfloat16))
    return tiny.sft(out, model=model, learning_rate=1e-5)


@pytest.mark.reproduces("P02")
def test_pure_bfloat16_is_found(tmp_path: Path) -> None:
    trainer = coarse(tmp_path)
    found = run_check(updates_rounded_away, (tiny.stepped(trainer), tiny.looked(trainer))).findings
    assert len(found) == 1
    share = found[0].evidence[0]
    assert isinstance(share, Number)
    assert share.value is not None
    assert share.value < 30


HEALTHY: dict[str, Callable[[Path], Any]] = {
    "float32": lambda out: tiny.sft(out, learning_rate=1e-5),
    "float32 with autocast": lambda out: tiny.sft(out, learning_rate=1e-5, bf16=True),
    "bfloat16 at a high rate": lambda out: coarse(out, rate=1e-3),
    "an adapter in float32 on a base in bfloat16": adapter,
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_steps_are_quiet(build: Callable[[Path], Any], tmp_path: Path) -> None:
    trainer = build(tmp_path)
    subjects = (tiny.stepped(trainer), tiny.looked(trainer))
    assert not run_check(updates_rounded_away, subjects).findings


def step(shifted: int, *, pushed: int = 4096, dtype: str = "bfloat16", rate: float = 1e-5) -> Any:  # noqa: ANN401
    tensor = TensorStep("w", trainable=True, in_optimizer=1, gradient_norm=1.0, moved=True,
                        dtype=dtype, pushed=pushed, shifted=shifted)  # fmt: skip
    return ModelState(tensors=(tensor,), learning_rate=rate)


class TestUpdatesRoundedAway(CheckCases):
    """Steps written down."""

    check = updates_rounded_away
    faulty = {"one in eight moves": (step(500), tiny.setup())}
    nearly = {
        "half move": (step(2000), tiny.setup()),
        "hardly looked at": (step(5, pushed=100), tiny.setup()),
        "the first step of a warm-up": (step(500), Recipe(learning_rate=1e-3)),
        "an optimizer that keeps the remainder": (step(500), tiny.setup(rounds_well=True)),
    }
    clean = {"float32": (step(4096, dtype="float32"), tiny.setup())}
